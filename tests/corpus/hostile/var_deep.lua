-- with of a task-local variable, nested without end.
-- expect: failed|limit
local lull = require "lull"
local v = lull.var(0)
local function deeper() return (v:with(v:get() + 1, deeper)) end
deeper()
