-- Each task is replaced by the next: no task runs for long.
-- expect: limit
local lull = require "lull"
local function again() lull.spawn(again):detach() end
again()
lull.sleep_forever()
