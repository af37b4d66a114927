-- Async functions that nobody awaits.
-- expect: failed|limit
local lull = require "lull"
local f = lull.async(function() lull.sleep_forever() end)
while true do f() end
