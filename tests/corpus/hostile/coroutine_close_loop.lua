-- Closing runs a __close that never ends.
-- expect: limit
-- delay: 600
local co = coroutine.create(function()
  local _ <close> = setmetatable({}, {__close = function() while true do end end})
  coroutine.yield()
end)
coroutine.resume(co)
coroutine.close(co)
