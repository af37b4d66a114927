-- os.exit with what is no code, below a wait in another task.
-- expect: exited|done|failed
local lull = require "lull"
lull.spawn(lull.sleep_forever):detach()
pcall(os.exit, {})
pcall(os.exit, math.maxinteger, true)
os.exit(false)
