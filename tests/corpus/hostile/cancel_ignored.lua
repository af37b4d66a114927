-- Catches the host's cancellation, again and again.
-- expect: cancelled|limit
-- host: cancel
local lull = require "lull"
while true do pcall(lull.sleep_forever) end
