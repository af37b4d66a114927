-- on_done that adds on_done.
-- expect: limit|done
-- delay: 600
local lull = require "lull"
local t = lull.spawn(function() end)
t:join()
local function again() t:on_done(again) end
again()
lull.sleep(0.05)
while true do lull.yield() end
