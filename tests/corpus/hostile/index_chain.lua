-- A chain of a thousand __index tables, in a cycle.
-- expect: failed
-- message: loop
local a, b = {}, {}
setmetatable(a, {__index = b})
setmetatable(b, {__index = a})
return a.x
