-- A function that is to run when a task is done, and does not end.
-- expect: done|limit|failed
-- delay: 600
local lull = require "lull"
local t = lull.spawn(function() end)
t:on_done(function() while true do end end)
t:join()
lull.sleep(0.01)
