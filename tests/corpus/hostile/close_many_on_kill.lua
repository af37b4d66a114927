-- Two hundred cleanups that loop, when it is killed.
-- expect: limit
-- delay: 600
local mt = {__close = function() while true do end end}
local function nest(n)
  local _ <close> = setmetatable({}, mt)
  if n == 0 then while true do end end
  nest(n - 1)
end
nest(150)
