-- Cancelled, its cleanup computes for ever.
-- expect: limit|cancelled
-- host: cancel
local lull = require "lull"
local _ <close> = lull.finally(function() while true do end end)
lull.sleep_forever()
