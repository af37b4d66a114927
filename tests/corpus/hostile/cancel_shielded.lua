-- A shield that never ends: only a kill helps.
-- expect: limit
-- host: kill
local lull = require "lull"
lull.shield(lull.sleep_forever)
