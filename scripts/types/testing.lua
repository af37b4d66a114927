---@meta lull.testing
--
-- Definitions for editors: time that jumps, order that can be shuffled, waiting for quiet.

---@class lull.testing
local testing = {}

--- Run `fn(...)` in virtual time: the clock stands while anything can run and jumps to the
--- next deadline when everything is blocked.  Tasks started outside are frozen meanwhile.
---@async
---@generic T
---@param fn async fun(...: any): T
---@param ... any  arguments of `fn`
---@return T # all results of `fn`
---@return any ...
function testing.virtual_time(fn, ...) end

--- Shuffle the order of ready tasks, reproducibly.
---@param n? integer  the seed; nil: first-in first-out again
function testing.seed(n) end

--- Wait until every other task is blocked.
---@async
function testing.settle() end

return testing
