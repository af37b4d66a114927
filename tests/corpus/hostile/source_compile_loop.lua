-- Compiles all the time.
-- expect: limit
-- delay: 600
local source = ("local x = {1, 2, 3, a = function() return 1 end}\n"):rep(150)
while true do load("do " .. source:rep(1) .. " end") end
