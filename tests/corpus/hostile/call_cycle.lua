-- A __call that is itself an object with __call, in a cycle.
-- expect: failed|limit
-- needs: bounded
local a = setmetatable({}, {})
getmetatable(a).__call = a
return a()
