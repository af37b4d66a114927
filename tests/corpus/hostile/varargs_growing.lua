-- Each tail call has an argument more.
-- expect: failed|limit
-- delay: 600
local function f(...) return f(1, ...) end
f()
