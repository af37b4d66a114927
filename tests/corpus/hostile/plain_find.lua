-- Plain find of what nearly matches everywhere.
-- expect: limit
-- needs: bounded
-- delay: 600
local s = ("a"):rep(1000000)
local wanted = ("a"):rep(100000) .. "b"
while true do pcall(string.find, s, wanted, 1, true) end
