--- lull.testing: time that jumps, order that can be shuffled, waiting for quiet.
--
-- For tests.  A plugin host does not offer it to scripts.
local core = require "lull.core"
local lull = require "lull"

local testing = {}

--- Run a function in virtual time: the clock stands still while anything can
--- run and jumps to the next deadline when everything is blocked.
---
--- Tasks started outside are frozen meanwhile, with their deadlines.  Time does
--- not jump while a connect, job, name lookup, process or worker begun inside is
--- under way; before every jump the loop is polled until it reports nothing.
---@async
---@generic T
---@param fn fun(...): T  runs as a nested run: what it starts is joined
---@param ... any  arguments of fn
---@return T ...  the results of fn; raises its error
function testing.virtual_time(fn, ...)
  local _ <close> = core.enter_world()
  return lull.run(fn, ...)
end

--- Shuffle the order of ready tasks, reproducibly.
---@param n integer?  the seed; nil: first-in first-out again
function testing.seed(n)
  core.seed(n)
end

--- Wait until every other task is blocked.
---@async
function testing.settle()
  core.settle()
end

return testing
