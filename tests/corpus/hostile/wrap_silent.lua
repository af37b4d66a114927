-- A generator that never yields.
-- expect: limit
for _ in coroutine.wrap(function() while true do end end) do end
