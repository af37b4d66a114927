-- Waits in a tower of coroutines with cleanups that wait; killed.
-- expect: limit
-- host: kill
-- delay: 600
local lull = require "lull"
local function climb(n)
  local _ <close> = setmetatable({}, {__close = function() lull.sleep(1) end})
  if n == 0 then lull.sleep_forever() end
  coroutine.wrap(climb)(n - 1)
end
climb(50)
