-- gmatch, each step of which backtracks.
-- expect: limit
-- needs: bounded
-- delay: 600
local s = ("a"):rep(5000)
while true do
  pcall(function() for _ in s:gmatch(".-.-.-.-.-b") do end end)
end
