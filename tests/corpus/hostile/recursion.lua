-- Recursion without a bottom.
-- expect: failed
local function f() return 1 + f() end
f()
