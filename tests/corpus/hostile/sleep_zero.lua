-- Sleeps for no time.
-- expect: limit
local lull = require "lull"
while true do lull.sleep(0) lull.sleep(-1e308) end
