-- %b that never closes, from every place.
-- expect: limit
-- needs: bounded
-- delay: 600
local s = ("("):rep(1000000)
while true do pcall(string.find, s, "%b()") end
