-- os.exit in a task, a handler, a cleanup.
-- expect: exited|done|failed|limit|cancelled
local lull = require "lull"
lull.on_error(function() os.exit(4) end)
lull.spawn(function()
  local _ <close> = setmetatable({}, {__close = function() os.exit(5) end})
  error("x")
end):detach()
lull.sleep(0.05)
