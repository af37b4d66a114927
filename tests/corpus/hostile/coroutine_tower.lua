-- The loop is at the top of 150 coroutines.
-- expect: limit
local function climb(n)
  if n == 0 then while true do end end
  return coroutine.wrap(climb)(n - 1)
end
climb(150)
