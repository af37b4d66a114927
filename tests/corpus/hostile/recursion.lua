-- Recursion without a bottom.
-- expect: failed
-- message: overflow
local function f() return 1 + f() end
f()
