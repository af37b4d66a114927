-- Five hundred errors nobody receives, and a handler that loops for each.
-- expect: done|limit|failed
-- delay: 600
local lull = require "lull"
lull.on_error(function() while true do end end)
for _ = 1, 500 do lull.spawn(error, "lost"):detach() end
lull.sleep(0.05)
