-- Two tasks that await each other.
-- expect: cancelled
-- host: cancel
local lull = require "lull"
local a, b
a = lull.async(function() return b:await() end)()
b = lull.async(function() return a:await() end)()
a:await()
