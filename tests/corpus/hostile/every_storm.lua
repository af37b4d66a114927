-- Timers of no period.
-- expect: limit|failed
local lull = require "lull"
for _ = 1, 100 do lull.every(1e-9, function() end) end
lull.sleep_forever()
