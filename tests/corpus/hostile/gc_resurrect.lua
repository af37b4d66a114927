-- A finalizer that makes the next one, forever.
-- expect: limit|failed
-- needs: finalizers
local mt = {}
mt.__gc = function() setmetatable({}, mt) end
setmetatable({}, mt)
while true do collectgarbage() end
