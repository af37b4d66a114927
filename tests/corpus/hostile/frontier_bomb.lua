-- %f with sets as long as patterns may be.
-- expect: limit
-- needs: bounded
-- delay: 600
local set = "[" .. ("z"):rep(10000) .. "]"
local s = ("a"):rep(1000000)
while true do pcall(string.find, s, "%f" .. set) end
