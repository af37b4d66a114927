---@meta lull.worker
--
-- Definitions for editors: computing on other threads.
--
-- Values are copied on their way: nil, booleans, integers and floats, strings, tables without
-- metatables (cycles are kept), error objects, lull.json's arrays and null, functions of Lua with
-- copies of their upvalues; modules, and what modules have, as their names.  Anything else raises
-- `usage` with a field `path`.

---@class lull.worker
local worker = {}

---@class lull.worker.Options
---@field n? integer          workers at most; one for each processor
---@field memory? integer     bytes that each may use, if that is less than the owner may
---@field preload? string[]   modules to load before the first call
---@field max_queue? integer  calls that may wait for a worker; 10000
---@field grace? number       seconds a cancelled call has to clean up before it is killed; 0.25

---@class lull.worker.MapOptions
---@field chunk? integer  items that travel together; by default many at first, few at the end

--- Call a function on a thread of a pool that all share, with a worker for each processor.
--- As `pool:call`.
---@async
---@param what function|string  a function, or the name of a module
---@param ... any               its arguments; after a module: the name of the function, arguments
---@return any ...
function worker.call(what, ...) end

--- Make a pool of workers.  Threads are started when calls need them, and end when the pool is
--- closed or collected.  An idle pool holds up nobody.  Raises `permission` at the first call.
---@param opts? integer|lull.worker.Options  a number: `n`
---@return lull.worker.Pool
function worker.pool(opts) end

--- Workers: threads that do one call at a time each; also a to-be-closed value.
---@class lull.worker.Pool
local Pool = {}

--- Call a function on another thread and wait for its results.  Calls wait for a free worker in
--- the order in which they were made.  Raises what the function raised, an error object with the
--- field `traceback`; `closed` when the pool is closed or the worker has ended; `limit` when too
--- many wait; `usage` for what cannot travel; `permission`.  Cancelling the caller cancels the
--- function, kills it after the pool's grace, and waits for that.
---@async
---@param what function|string  a function, or the name of a module
---@param ... any               its arguments; after a module: the name of the function, arguments
---@return any ...
function Pool:call(what, ...) end

--- Call fn(item, index) for every item of a list, on all workers.  The first error cancels what
--- is left and is raised.
---@async
---@generic T, R
---@param fn fun(item: T, index: integer): R
---@param list T[]                       has list.n or #list items
---@param opts? lull.worker.MapOptions
---@return R[] results                   the first result of each, in order; with `n`
function Pool:map(fn, list, opts) end

--- End the workers: calls under way are cancelled over there, and they and those that wait raise
--- `closed`.  Idempotent; does not wait.
function Pool:close() end

return worker
