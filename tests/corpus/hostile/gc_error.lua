-- Finalizers that raise: the host is told, nothing more.
-- expect: done
-- needs: finalizers
for _ = 1, 100 do setmetatable({}, {__gc = function() error("in __gc") end}) end
collectgarbage()
