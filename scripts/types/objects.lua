---@meta _
--
-- Definitions for editors: what functions of `lull` return.

---@alias lull.Status "pending"|"done"|"failed"|"cancelled"

-- Errors ----------------------------------------------------------------------------------

---@alias lull.Kind
---| "cancelled"   # the task or its scope was cancelled; `reason` may say why
---| "timeout"     # the time was over
---| "closed"      # the object was closed
---| "eof"         # the stream ended in the middle; `partial` has what came
---| "limit"       # something was larger than allowed
---| "memory"      # lull refused to allocate so much
---| "busy"        # another task does that already
---| "usage"       # the call is wrong here or now
---| "io"          # the system refused; `code` is the name of the errno
---| "dns"         # a name was not resolved
---| "tls"
---| "http"
---| "json"
---| "sql"
---| "process"
---| "permission"
---| "deadlock"    # nothing could wake what was left
---| string

--- What lull raises.  `tostring` makes one readable line of it.
---@class lull.Error
---@field kind lull.Kind
---@field message string
---@field op? string       what was being done, such as "tcp.connect"
---@field code? string     the name of an errno, such as "ECONNREFUSED"
---@field cause? any       the error behind it
---@field reason? any      of `cancelled`: what was given to `cancel`, or "timeout"
---@field partial? string  of `eof`: the bytes that came

-- Task ------------------------------------------------------------------------------------

--- A task: a function that runs beside others.
---@class lull.Task
---@field name string  settable; by default the function, its line, and a number
local Task = {}

--- Wait for the task.  Raises its error; `cancelled` when it was cancelled; `usage` for the
--- running task.
---@async
---@return any ... # all results of its function
function Task:await() end

--- Wait for the task, whatever becomes of it.  Raises none of its errors; `usage` for the
--- running task.
---@async
---@return "done"|"failed"|"cancelled"
function Task:join() end

--- Cancel the task: the call it waits in raises `cancelled`, as will every later one.  Before
--- its first step: its function is never called.
---@param reason? any
---@return boolean # false when it has ended
function Task:cancel(reason) end

---@return lull.Status
function Task:status() end

--- The results.  Raises the task's error; `cancelled` when it was cancelled; `usage` while it
--- is pending.
---@return any ...
function Task:result() end

--- The error, that of its cancellation included.  Raises `usage` while it is pending.
---@return any # nil when it is done
function Task:error() end

--- Call a function after the task's end, in a turn of its own; it may not suspend.
---@param fn fun(task: lull.Task)
---@return lull.Task self
function Task:on_done(fn) end

--- Where it failed and who started it; while it is pending, where it waits.
---@return string
function Task:traceback() end

--- Hand it to the innermost `lull.run`: it no longer holds up its owner, its error goes to
--- `lull.on_error`, and it is cancelled when that run ends.
---@return lull.Task self
function Task:detach() end

-- Future ----------------------------------------------------------------------------------

--- A result to come.  Who waits is woken in the order of waiting.
---@class lull.Future
local Future = {}

--- Settle it with results.  Raises `usage` when it is settled.
---@param ... any
function Future:set(...) end

--- Settle it with an error.  Raises `usage` when it is settled.
---@param err any
function Future:fail(err) end

--- Settle it with results, if it is pending.
---@param ... any
---@return boolean # false when it was settled
function Future:try_set(...) end

--- Cancel it, if it is pending: awaiting it raises `cancelled`.
---@param reason? any
---@return boolean # false when it was settled
function Future:cancel(reason) end

--- Wait for it.  Raises what it failed with; `cancelled` when it was cancelled.
---@async
---@return any ...
function Future:await() end

---@return lull.Status
function Future:status() end

-- Group -----------------------------------------------------------------------------------

--- What `lull.group` hands to its function.
---@class lull.Group
local Group = {}

--- Start a task of the group.  Raises `usage` when the group has ended.
---@param fn async fun(...: any): ...
---@param ... any  arguments of `fn`
---@return lull.Task
function Group:spawn(fn, ...) end

--- Start a task of the group and wait until it says that it is ready: `fn(ready, ...)` calls
--- `ready(value)`.  Raises what it raised before; `usage` when it ended without the call.
---@async
---@param fn async fun(ready: fun(value: any), ...: any): ...
---@param ... any  arguments of `fn`
---@return any value
function Group:start(fn, ...) end

--- Cancel everything in the group, its body included.  The group ends without an error.
---@param reason? any
function Group:cancel(reason) end

-- Var -------------------------------------------------------------------------------------

--- A variable with a value of its own in every task.
---@class lull.Var
local Var = {}

--- The value here, or the default.
---@return any
function Var:get() end

--- Run `fn(...)` with another value; tasks started inside keep it.
---@async
---@generic T
---@param value any
---@param fn async fun(...: any): T
---@param ... any  arguments of `fn`
---@return T # all results of `fn`
---@return any ...
function Var:with(value, fn, ...) end
