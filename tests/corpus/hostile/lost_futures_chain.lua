-- A handler of lost errors that loses another.
-- expect: done|limit|failed
-- delay: 600
local lull = require "lull"
lull.on_error(function()
  lull.future():fail("lost")
  collectgarbage()
end)
lull.future():fail("lost")
collectgarbage()
lull.sleep(0.05)
