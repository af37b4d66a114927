-- Gives way all the time, and never ends.
-- expect: limit
local lull = require "lull"
while true do lull.yield() end
