-- The metatable has any __gc when it is set, and gets the function afterwards.
-- expect: done|limit|failed
-- needs: finalizers
local mt = {__gc = false}
setmetatable({}, mt)
mt.__gc = function() while true do end end
collectgarbage()
