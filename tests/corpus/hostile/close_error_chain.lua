-- Each __close raises another error.
-- expect: limit|failed
local mt = {__close = function(_, e) error({e}) end}
local function nest(n)
  local _ <close> = setmetatable({}, mt)
  if n > 0 then nest(n - 1) end
  error("bottom")
end
while true do pcall(nest, 100) end
