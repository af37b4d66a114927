-- What has timed out goes on regardless.
-- expect: limit
local lull = require "lull"
lull.timeout(0.01, function() while true do pcall(lull.sleep, 1) end end)
