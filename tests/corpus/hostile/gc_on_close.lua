-- Finalizers that loop when the state is closed.
-- expect: done
-- needs: finalizers
for _ = 1, 100 do
  setmetatable({}, {__gc = function() while true do end end})
end
