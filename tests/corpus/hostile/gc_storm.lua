-- As many objects with finalizers as fit, then all die.
-- expect: limit|failed
-- needs: finalizers
local mt = {__gc = function() local t = {} for i = 1, 100 do t[i] = {} end end}
while true do
  for _ = 1, 1000 do setmetatable({}, mt) end
end
