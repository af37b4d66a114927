-- Times out as often as it can.
-- expect: limit
local lull = require "lull"
while true do lull.move_on_after(0, lull.sleep, 1) end
