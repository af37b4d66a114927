-- Killed while it waits, a __close computes for ever.
-- expect: limit
-- host: kill
-- delay: 600
local lull = require "lull"
local _ <close> = setmetatable({}, {__close = function() while true do pcall(error) end end})
lull.sleep_forever()
