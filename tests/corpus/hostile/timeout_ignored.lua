-- What has timed out goes on regardless: it cannot.
-- expect: failed
-- message: timeout
local lull = require "lull"
lull.timeout(0.01, function() while true do pcall(lull.sleep, 1) end end)
