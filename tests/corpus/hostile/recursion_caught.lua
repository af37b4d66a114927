-- The same, caught at every level.
-- expect: limit
local function f() pcall(f) return f() + 1 end
while true do pcall(f) end
