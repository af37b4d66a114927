-- Tail calls never grow the stack.
-- expect: limit
local function f(n) return f(n + 1) end
f(1)
