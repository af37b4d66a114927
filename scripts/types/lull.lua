---@meta lull
--
-- Definitions for editors (lua-language-server): tasks: starting, waiting, cancelling.
--
-- Times are seconds.  `---@async` marks what suspends the calling task; such a call also
-- raises `cancelled` when the task is cancelled, and `usage` outside a task.

---@class lull
---@field version string  "MAJOR.MINOR.PATCH"
---@field sync lull.sync
---@field net lull.net
---@field log lull.log
---@field term lull.term
---@field testing lull.testing
---@field worker lull.worker
local lull = {}

---@class lull.GatherOptions
---@field limit? integer   so many functions run at once; all
---@field settle? boolean  never raise for a child; entries are `lull.Settled`

--- How one entry of a settled gather ended: its results are the values from 1 on.
---@class lull.Settled
---@field ok boolean
---@field error any      what it raised, when not `ok`
---@field [integer] any

---@class lull.WaitOptions
---@field when? "all"|"first"|"error"  how many must have ended; "all"
---@field timeout? number              seconds; no limit

-- Running and starting --------------------------------------------------------------------

--- Start the loop, run `fn(...)` as the main task and join what it owns.  Inside a task: a
--- nested task that is joined.  Raises the error of `fn`; `deadlock` when nothing can wake
--- what is left; `usage` from a callback of the loop.
---@async
---@generic T
---@param fn async fun(...: any): T
---@param ... any  arguments of `fn`
---@return T # all results of `fn`
---@return any ...
function lull.run(fn, ...) end

--- Make an async function: calling it starts a task and returns that.  Its error goes to
--- whoever receives it; received by nobody, it is raised in the owner when that ends.
---@param fn async fun(...: any): ...
---@return fun(...: any): lull.Task
function lull.async(fn) end

--- Wait for a task, a future, or what has an `__await` metamethod; any other value is
--- returned as it is.  Raises what the awaited one raised; `cancelled` when it was cancelled;
--- `usage` for the running task.  Cancelling the caller does not cancel the awaited.
---@async
---@param x any
---@param ... any  more values: returned as they are
---@return any ... # all results
function lull.await(x, ...) end

--- Start a background task.  If it fails while nobody waits for it, its owner is cancelled
--- and ends with that error.  Raises `usage` outside a task.
---@param fn async fun(...: any): ...
---@param ... any  arguments of `fn`
---@return lull.Task
function lull.spawn(fn, ...) end

--- Run a function as a task, later.  The owner waits for it; `cancel` calls it off.
---@param seconds number  0 or less: in the next turn
---@param fn async fun(...: any): ...
---@param ... any  arguments of `fn`
---@return lull.Task
function lull.after(seconds, fn, ...) end

--- Run a function again and again until cancelled, without drift; beats that were missed are
--- left out.
---@param seconds number  the period, more than 0
---@param fn async fun()
---@return lull.Task
function lull.every(seconds, fn) end

-- Sleeping --------------------------------------------------------------------------------

--- Suspend for at least so many seconds.
---@async
---@param seconds number  0 or less: one turn
---@param ... any
---@return any ... # the extra arguments
function lull.sleep(seconds, ...) end

--- Suspend until `lull.now()` has reached a time; one turn if it has.
---@async
---@param time number  seconds, of the clock of `lull.now`
function lull.sleep_until(time) end

--- Suspend until cancelled.
---@async
function lull.sleep_forever() end

--- Let every other ready task take a step.
---@async
function lull.yield() end

--- The time, never going back.  Virtual under `lull.testing.virtual_time`.
---@return number seconds
function lull.now() end

-- Waiting for several ---------------------------------------------------------------------

--- Wait for all: functions (started as tasks), tasks and futures.  The first error cancels
--- and joins the unfinished tasks and is raised.  Raises `usage` for the running task, one of
--- its owners, or a task that waits for it.  With a plain table as the only argument, or as
--- the first with options: the list form.
---@async
---@param ... function|lull.Task|lull.Future
---@return any ... # the first result of each, in the order of the arguments
---@overload async fun(list: (function|lull.Task|lull.Future)[], opts?: lull.GatherOptions): any[]
function lull.gather(...) end

--- Gather `fn(item, index)` over a list.
---@async
---@generic T, R
---@param list T[]
---@param fn async fun(item: T, index: integer): R
---@param opts? lull.GatherOptions
---@return R[] # the first result of each, with `n`
function lull.map(list, fn, opts) end

--- Wait for the first to end; the others are cancelled and joined.  Raises its error, if that
--- is how it ended; an argument error when there is nothing to race.
---@async
---@param ... function|lull.Task|lull.Future
---@return any ... # all results of the first
---@overload async fun(list: (function|lull.Task|lull.Future)[]): ...
function lull.race(...) end

--- Wait for tasks and futures.  Cancels nothing, raises no error of theirs.
---@async
---@param list (lull.Task|lull.Future)[]  duplicates count once
---@param opts? lull.WaitOptions
---@return (lull.Task|lull.Future)[] done
---@return (lull.Task|lull.Future)[] pending
function lull.wait(list, opts) end

--- Iterate over tasks and futures as they end: `for task in lull.as_completed(list) do`.
--- Calling the iterator suspends; it raises `busy` while another task waits in it.
---@param list (lull.Task|lull.Future)[]
---@return async fun(): lull.Task|lull.Future|nil
function lull.as_completed(list) end

--- Do the first of several channel operations that can be done, tried in the order of the
--- list.  Raises `closed` when it chose a closed channel.
---@async
---@param list lull.Alternatives
---@return integer? index # which it was; nil: the timeout
---@return any value # what was received
function lull.select(list) end

--- For `lull.select`: `{channel, "recv"}` and `{channel, "send", value}`.
---@class lull.Alternatives
---@field timeout? number  seconds; no limit
---@field [integer] { [1]: lull.sync.Channel, [2]: "recv"|"send", [3]: any }

-- Scopes ----------------------------------------------------------------------------------

--- Run `fn(...)`; past the deadline cancel what it waits for and raise `timeout`.
---@async
---@generic T
---@param seconds? number  nil or `math.huge`: never
---@param fn async fun(...: any): T
---@param ... any  arguments of `fn`
---@return T # all results of `fn`
---@return any ...
function lull.timeout(seconds, fn, ...) end

--- As `lull.timeout`, but returns false when the time is over.
---@async
---@generic T
---@param seconds? number  nil or `math.huge`: never
---@param fn async fun(...: any): T
---@param ... any  arguments of `fn`
---@return boolean in_time
---@return T # all results of `fn`
---@return any ...
function lull.move_on_after(seconds, fn, ...) end

--- Run `fn(...)` with cancellation from outside held back until it returns.
---@async
---@generic T
---@param fn async fun(...: any): T
---@param ... any  arguments of `fn`
---@return T # all results of `fn`
---@return any ...
function lull.shield(fn, ...) end

--- Run `fn(group)` and wait for every task of the group.  The first error of the body, or of
--- a child that nobody waited for, cancels the rest, which are joined, and is raised.
---@async
---@generic T
---@param fn async fun(group: lull.Group): T
---@return T # all results of `fn`; nothing when the group was cancelled before it returned
---@return any ...
function lull.group(fn) end

--- Call `fn(...)` so that no other task runs before it has returned, however long it computes.
--- Only where a host uses time slices can that happen at all.  A wait inside raises `usage`;
--- what computes for longer than the host's stall limit (0.25 s) is killed.
---@param fn function
---@param ... any
---@return any ...   what `fn` returns
function lull.critical(fn, ...) end

--- A to-be-closed value: `local _ <close> = lull.finally(cleanup)`.
---@param cleanup async fun(err: any)  runs under a shield; `err` is nil on a normal end
---@return userdata
function lull.finally(cleanup) end

--- A task-local variable.  Tasks see what it was where they were started.
---@param default any
---@return lull.Var
function lull.var(default) end

--- A future: a result that somebody sets and others await.
---@return lull.Future
function lull.future() end

-- Looking around --------------------------------------------------------------------------

--- The running task.
---@return lull.Task? # nil outside of tasks
function lull.current() end

--- All unfinished tasks.
---@return lull.Task[]
function lull.tasks() end

--- The tree of tasks as text: state, what each waits for, since when, and where.
---@return string
function lull.tree() end

-- Errors ----------------------------------------------------------------------------------

--- Is a value an error object, of this kind if one is given?
---@param value any
---@param kind? lull.Kind
---@return boolean
function lull.is_error(value, kind) end

--- Make an error object.
---@param kind lull.Kind
---@param message string
---@param fields? table  more fields
---@return lull.Error
function lull.new_error(kind, message, fields) end

--- Set who gets the errors that nobody received; it may not suspend.
---@param fn? fun(err: any, task: lull.Task?, traceback: string?)  nil: print to stderr
---@return nil|fun(err: any, task: lull.Task?, traceback: string?) # the previous one
function lull.on_error(fn) end

return lull
