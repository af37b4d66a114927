--- lull.worker: computing on other threads.
---
--- Each worker is a thread with a Lua state and a loop of its own, and does one call at a time.
--- Nothing is shared: what a call takes along and what comes back is copied, when the call is made
--- and when it ends.  What travels: nil, booleans, integers and floats, strings, tables (with
--- cycles; without metatables), error objects, lull.json's arrays and null, and functions of Lua.
--- A module, and what a module has (string.format, lull.sleep), travels as its name: the worker
--- requires it for itself.  A function takes copies of its upvalues along; its globals are the
--- worker's.  Anything else raises kind `usage` with the field `path`: "argument 2.list[3].fn".
---
--- What a call raises over there is raised here: strings as they are, error objects as copies
--- whose field `traceback` tells where.  What cannot travel becomes its text.  Errors that nobody
--- received over there go to lull.on_error here.
---
--- A call that is cancelled is cancelled over there, so that the script can clean up, and killed
--- when it is not over after the pool's grace; its caller waits for that.  Where the host lends no
--- signal for time slices a script that only computes cannot be stopped: then its worker is left
--- alone until it is done, and another one takes its place.
---
--- A call ends with its function and the tasks that it owns.  Finalizers that are not over then go on
--- while the worker does later calls, and end with it.
---
--- Workers are allowed what their owner is allowed (with the rule `threads`), use its package.path,
--- and have its limits each: memory, tasks, handles.
local check = require "lull.check"
local home = require "lull.worker.home"
local lull = require "lull"
local native = require "lull.worker.native"
local sync = require "lull.sync"

local worker = {}

---@class lull.worker.Options
---@field n? integer          workers at most; one for each processor
---@field memory? integer     bytes that each may use, if that is less than the owner may
---@field preload? string[]   modules to load before the first call
---@field max_queue? integer  calls that may wait for a worker; 10000
---@field grace? number       seconds a cancelled call has to clean up before it is killed; 0.25

---@class lull.worker.MapOptions
---@field chunk? integer  items that travel together; by default many at first, few at the end

local OPTIONS <const> = {
  n = "count", memory = "count", preload = "table", max_queue = "count", grace = "seconds",
}
local MAP_OPTIONS <const> = { chunk = "count" }
local ENTRY <const> = "lull.worker.side"
local MAX_WORKERS <const> = 1024
local MAX_CHUNK <const> = 10000

local function fail(kind, message)
  error(lull.new_error(kind, message, { op = "worker.call" }), 0)
end

-- A call's place: in the queue, then with a worker ------------------------------------------

---@class lull.worker.Place
---@field pool lull.worker.Pool
---@field waiting boolean   in the queue
---@field worker any        what does it
local Place = {}

--- Give back what the place holds, whatever became of the call.
function Place:__close()
  local pool <const> = self.pool
  if self.waiting then
    pool.waiting = pool.waiting - 1
    return
  end
  local one <const> = self.worker
  if one and one:usable() and not pool.closed then
    table.insert(pool.idle, one)
  elseif one then
    pool.workers[one] = nil
    one:close()
  end
  if not pool.closed then pool.slots:try_put(true) end
end

---@param pool lull.worker.Pool
local function start(pool)
  local opts <const> = pool.opts
  local paths <const> = home[1].package
  local config <const> =
    native.pack(home, "option", 0, paths.path, paths.cpath, opts.preload or {})
  local one <const> =
    native.start(ENTRY, pool.shared, opts.grace or 0.25, opts.memory or 0, config, home)
  pool.workers[one] = true
  return one
end

--- Do what is packed, when it is its turn.
---@async
---@param pool lull.worker.Pool
local function run(pool, parcel)
  if pool.closed then fail("closed", "the pool is closed") end
  if pool.slots:size() == 0 and pool.waiting >= (pool.opts.max_queue or 10000) then
    fail("limit", "too many calls wait for a worker")
  end
  pool.waiting = pool.waiting + 1
  local place <close> = setmetatable({ pool = pool, waiting = true }, Place)
  pool.slots:get()
  if pool.closed then fail("closed", "the pool is closed") end
  place.waiting, pool.waiting = false, pool.waiting - 1
  place.worker = table.remove(pool.idle) or start(pool)
  return place.worker:call(parcel)
end

--- What a call takes along.
local function pack_call(name, what, ...)
  if type(what) == "string" then
    check.type(..., 2, name, "string")
    return native.pack(home, "argument", -1, "module", what, ...)
  end
  check.type(what, 1, name, "function")
  return native.pack(home, "argument", -1, "call", what, ...)
end

-- Pools ---------------------------------------------------------------------------------------

---@class lull.worker.Pool
---@field package slots any      a token for each call that may run
---@field package idle any[]     workers with nothing to do
---@field package workers table  all that there are
---@field package waiting integer
---@field package closed boolean
---@field package n integer
---@field package opts lull.worker.Options
---@field package shared boolean
local Pool = {}

local POOL_CLASS <const> = { __index = Pool, __name = "lull.worker.pool", __metatable = "lull.worker.pool" }

--- Call a function on another thread and wait for its results.  Calls wait for a free worker in
--- the order in which they were made.
---@async
---@param what function|string  a function, or the name of a module
---@param ... any               its arguments; after a module: the name of the function, arguments
---@return any ...              raises what the function raised; closed, limit, usage, permission
function Pool:call(what, ...)
  check.self(self, POOL_CLASS, "call")
  return run(self, pack_call("call", what, ...))
end

--- Call fn(item, index) for every item of a list, on all workers.  The first error cancels what is
--- left and is raised.
---@async
---@generic T, R
---@param fn fun(item: T, index: integer): R
---@param list T[]                       has list.n or #list items
---@param opts? lull.worker.MapOptions
---@return R[] results                   the first result of each, in order; with `n`
function Pool:map(fn, list, opts)
  check.self(self, POOL_CLASS, "map")
  check.type(fn, 1, "map", "function")
  check.type(list, 2, "map", "table")
  check.options(opts, 3, "map", MAP_OPTIONS)
  local count <const> = list.n or #list
  for i = 1, count do
    if list[i] == nil then check.fail(2, "map", ("there is no item %d"):format(i)) end
  end
  native.pack(home, "argument", -1, "call", fn) -- can it travel?
  local results <const>, done = { n = count }, 0
  local function feed()
    while done < count do
      local first <const> = done + 1
      local size <const> = opts and opts.chunk or (count - done) // (2 * self.n)
      local last <const> = math.min(done + math.max(1, math.min(size, MAX_CHUNK)), count)
      done = last
      local parcel <const> =
        native.pack(home, "item", first - 3, first, fn, table.unpack(list, first, last))
      table.move(run(self, parcel), 1, last - first + 1, first, results)
    end
  end
  local feeders <const> = {}
  for i = 1, math.min(self.n, count) do feeders[i] = feed end
  lull.gather(feeders)
  return results
end

--- End the workers: calls under way are cancelled over there, and they and those that wait raise
--- `closed`.  Idempotent; does not wait.
function Pool:close()
  check.self(self, POOL_CLASS, "close")
  if self.closed then return end
  self.closed = true
  self.slots:close()
  for one in pairs(self.workers) do one:close() end
  self.workers, self.idle = {}, {}
end

POOL_CLASS.__close = Pool.close

---@return lull.worker.Pool
local function new_pool(opts, shared)
  local n <const> = opts.n or native.cores()
  local pool <const> = setmetatable({
    n = n, opts = opts, shared = shared, slots = sync.queue(), idle = {}, workers = {},
    waiting = 0, closed = false,
  }, POOL_CLASS)
  for _ = 1, n do pool.slots:try_put(true) end
  return pool
end

--- Make a pool of workers.  Threads are started when calls need them, and end when the pool is
--- closed or collected.  An idle pool holds up nobody.
---@param opts? integer|lull.worker.Options  a number: `n`
---@return lull.worker.Pool
function worker.pool(opts)
  if type(opts) == "number" then opts = { n = opts } end
  check.options(opts, 1, "pool", OPTIONS)
  opts = opts or {}
  if (opts.n or 1) > MAX_WORKERS then
    check.fail(1, "pool", ("n must be at most %d"):format(MAX_WORKERS))
  end
  local copy <const> = {}
  for key, value in pairs(opts) do copy[key] = value end
  return new_pool(copy, false)
end

local shared

--- pool:call() on a pool that all of this runtime share, with a worker for each processor.
---@async
---@param what function|string  a function, or the name of a module
---@param ... any               its arguments; after a module: the name of the function, arguments
---@return any ...
function worker.call(what, ...)
  local parcel <const> = pack_call("call", what, ...)
  shared = shared or new_pool({}, true)
  return run(shared, parcel)
end

return worker
