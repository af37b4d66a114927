-- A thousand tasks that all compute: the call has one budget.
-- expect: limit
local lull = require "lull"
for _ = 1, 900 do lull.spawn(function() while true do end end) end
lull.sleep_forever()
