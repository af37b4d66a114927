-- Timeouts within timeouts, all of no time.
-- expect: failed|limit
local lull = require "lull"
local function deeper() lull.timeout(1e9, deeper) end
deeper()
