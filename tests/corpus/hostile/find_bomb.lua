-- A find that backtracks for hours.
-- expect: limit
-- needs: bounded
-- delay: 600
local s = ("a"):rep(3000)
while true do pcall(string.find, s, ("a-"):rep(20) .. "b") end
