-- Backtracking in gsub with many captures.
-- expect: limit|failed
-- needs: bounded
-- delay: 600
local s = ("a"):rep(30000)
while true do pcall(string.gsub, s, ("(.-)"):rep(20) .. "b", "") end
