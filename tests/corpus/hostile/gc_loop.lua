-- A finalizer that never ends.
-- expect: done|limit|failed
-- needs: finalizers
setmetatable({}, {__gc = function() while true do end end})
collectgarbage()
collectgarbage()
