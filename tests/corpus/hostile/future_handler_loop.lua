-- The failure of a future is found by the collector; the handler loops.
-- expect: done|limit|failed
-- delay: 600
local lull = require "lull"
lull.on_error(function() while true do end end)
lull.future():fail("lost")
while true do collectgarbage("step") lull.yield() end
