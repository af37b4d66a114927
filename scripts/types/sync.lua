---@meta lull.sync
--
-- Definitions for editors: events, locks, semaphores, conditions, barriers, queues and channels.
--
-- Who waits is served first-in first-out.  A wait that is cancelled has taken nothing.

---@class lull.sync
local sync = {}

--- A flag that tasks wait for.
---@return lull.sync.Event
function sync.event() end

--- A mutual exclusion, owned by a task.
---@return lull.sync.Lock
function sync.lock() end

--- A number of places.
---@param n integer     free at first
---@param max? integer  that can be free; no limit
---@return lull.sync.Semaphore
function sync.semaphore(n, max) end

--- A condition on what a lock protects.
---@param lock? lull.sync.Lock  one of its own
---@return lull.sync.Condition
function sync.condition(lock) end

--- A meeting point of `n` tasks.
---@param n integer
---@return lull.sync.Barrier
function sync.barrier(n) end

---@class lull.sync.QueueOptions
---@field less? fun(a: any, b: any): boolean  the order of a priority queue; `<`

--- A queue of items; nil cannot be one.
---@param max? integer  items that it holds; no limit
---@param order? "fifo"|"lifo"|"priority"  "fifo"; "priority": the smallest first
---@param opts? lull.sync.QueueOptions
---@return lull.sync.Queue
function sync.queue(max, order, opts) end

--- A channel between tasks; nil cannot be sent.
---@param capacity? integer  values that wait in it; 0: sender and receiver meet
---@return lull.sync.Channel
function sync.channel(capacity) end

-- Event -----------------------------------------------------------------------------------

---@class lull.sync.Event
local Event = {}

--- Set it: who waits goes on.
function Event:set() end

--- Clear it: who comes will wait.
function Event:clear() end

---@return boolean
function Event:is_set() end

--- Wait until it is set.
---@async
function Event:wait() end

-- Lock ------------------------------------------------------------------------------------

---@class lull.sync.Lock
local Lock = {}

--- Take the lock.  Raises `usage` when the running task has it; `closed` when a task ended
--- holding it.
---@async
function Lock:acquire() end

--- Give it back.  Raises `usage` unless the running task has it.
function Lock:release() end

---@return boolean # true, too, when a task ended holding it
function Lock:locked() end

--- Run `fn(...)` with the lock.  Raises as `acquire` does; `usage` when `fn` released it.
---@async
---@generic T
---@param fn async fun(...: any): T
---@param ... any  arguments of `fn`
---@return T # all results of `fn`
---@return any ...
function Lock:with(fn, ...) end

--- Take the lock up to the end of a block: `local _ <close> = lock:hold()`.  Raises as
--- `acquire` does.
---@async
---@return userdata
function Lock:hold() end

-- Semaphore -------------------------------------------------------------------------------

---@class lull.sync.Semaphore
local Semaphore = {}

--- Take a place.
---@async
function Semaphore:acquire() end

--- Take a place if one is free.
---@return boolean
function Semaphore:try_acquire() end

--- Give a place back; any task may.  Raises `usage` when `max` are free.
function Semaphore:release() end

--- Run `fn(...)` with a place taken.
---@async
---@generic T
---@param fn async fun(...: any): T
---@param ... any  arguments of `fn`
---@return T # all results of `fn`
---@return any ...
function Semaphore:with(fn, ...) end

--- The free places.
---@return integer
function Semaphore:value() end

-- Condition -------------------------------------------------------------------------------

---@class lull.sync.Condition
local Condition = {}

--- Give up the lock, wait for a notification, take the lock again; a cancelled wait has the
--- lock, too.  Raises `usage` without the lock, `closed` when the lock is broken.
---@async
function Condition:wait() end

--- Wait, again and again, until a function returns a true value; return that.  Raises as
--- `wait` does.
---@async
---@generic T
---@param pred fun(): T
---@return T
function Condition:wait_for(pred) end

--- Wake tasks that wait.  Raises `usage` without the lock.
---@param n? integer  how many; 1
function Condition:notify(n) end

--- Wake all who wait.  Raises `usage` without the lock.
function Condition:notify_all() end

--- Run `fn(...)` with the lock.  Raises as `Lock:with` does.
---@async
---@generic T
---@param fn async fun(...: any): T
---@param ... any  arguments of `fn`
---@return T # all results of `fn`
---@return any ...
function Condition:with(fn, ...) end

-- Barrier ---------------------------------------------------------------------------------

---@class lull.sync.Barrier
local Barrier = {}

--- Wait until `n` tasks do.  Raises `closed` when it was aborted, or reset meanwhile.
---@async
---@return integer # the place in the order of arrival, from 1
function Barrier:wait() end

--- Make it as new: who waits gets `closed`.
function Barrier:reset() end

--- Break it until it is reset: who waits, and who comes, gets `closed`.
function Barrier:abort() end

-- Queue -----------------------------------------------------------------------------------

---@class lull.sync.Queue
local Queue = {}

--- Put an item, waiting while the queue is full.  Raises `closed`.
---@async
---@param item any  not nil
function Queue:put(item) end

--- Take an item, waiting for one.  Raises `closed` when the queue is closed and empty.
---@async
---@return any item
function Queue:get() end

--- Put an item if there is room.
---@param item any  not nil
---@return boolean # false, too, when the queue is closed
function Queue:try_put(item) end

--- Take an item if there is one.
---@return any item # nil when there is none
function Queue:try_get() end

--- Iterate over the items until the queue is closed and empty.  Calling the iterator
--- suspends.
---@return async fun(): any
function Queue:items() end

---@return integer # items that wait to be taken
function Queue:size() end

---@return boolean
function Queue:full() end

---@return boolean
function Queue:empty() end

--- Say that an item that was taken is dealt with.  Raises `usage` when called more often than
--- items came in.
function Queue:task_done() end

--- Wait until every item that came in is dealt with (`task_done`).
---@async
function Queue:join() end

--- Refuse further items; what is inside may be taken.  Wakes everyone.
function Queue:close() end

-- Channel ---------------------------------------------------------------------------------

---@class lull.sync.Channel
local Channel = {}

--- Send a value, waiting for room or for a receiver.  Raises `closed`.
---@async
---@param value any  not nil
function Channel:send(value) end

--- Receive a value, waiting for one.  Raises `closed` when the channel is closed and drained.
---@async
---@return any value
function Channel:recv() end

--- Send a value if that needs no waiting.
---@param value any  not nil
---@return boolean # false, too, when the channel is closed
function Channel:try_send(value) end

--- Receive a value if there is one.
---@return any value # nil when there is none
function Channel:try_recv() end

--- Iterate over the values until the channel is closed and drained.  Calling the iterator
--- suspends.
---@return async fun(): any
function Channel:items() end

--- Refuse further values; what is inside may be received.  Wakes everyone.
function Channel:close() end

return sync
