--- lull.test.guard: a deadline of the real clock, and what was waited for then.
--
-- A task that waits is cancelled.  One that computes without waiting is stopped where it is
-- (core/runtime/preempt.c), where there are time slices.
--
-- Cancelling a task unwinds it, and the tree below it.  So it is a watcher, a task
-- that only waits, that the deadline cancels: it looks at the tree while everything
-- is still in its place, and then has the task cancelled.  In virtual time only
-- tasks started inside run: every world gets a watcher of its own.
local core = require "lull.core"
local lull = require "lull"
local testing = require "lull.testing"
local tree = require "lull.test.tree"

local guard = {}

local WATCHER <const> = "watcher of lull.test"
local LEAST <const> = 0.05 -- seconds of computing that anyone has
local PATIENCE <const> = 1 -- seconds until a task is cancelled though no watcher has looked

--- One guarded task; a `<close>` value.
---@class lull.test.Guard
---@field task lull.Task
---@field clock fun(): number  the real one
---@field ends number   when watchers look, on that clock
---@field looked? any    to be closed: has the task cancelled, now that it was looked at
---@field seen string?  what the first of them saw; nil: the time is not over
---@field computed string?  where somebody was who computed for too long, once asked
local Guard = {}
Guard.__index = Guard

---@type lull.test.Guard?
local open

local function watch(self)
  local _ <close> = setmetatable({}, {
    __close = function(_, err)
      if lull.is_error(err, "cancelled") and err.reason == "guard" and not self.seen
        and open == self then
        self.seen = tree.below(self.task, WATCHER)
        self.looked = core.guard(0, self.task)
      end
    end,
  })
  lull.sleep_forever()
end

--- A `<close>` value: while it is open, a task of this world watches.
local function watcher(self)
  local task <const> = lull.async(watch)(self)
  task.name = WATCHER
  local deadline <const> = core.guard(math.max(self.ends - self.clock(), 0), task)
  return setmetatable({}, {
    __close = function()
      local _ <close> = deadline
      task:cancel()
    end,
  })
end

local function watched(fn, ...)
  local _ <close> = watcher(open)
  lull.current().name = "virtual time"
  return fn(...)
end

local virtual_time <const> = testing.virtual_time

--- The same without watchers.
guard.virtual_time = virtual_time

--- What specs get as lull.testing.virtual_time.
function testing.virtual_time(fn, ...)
  if not open or type(fn) ~= "function" then return virtual_time(fn, ...) end
  return virtual_time(watched, fn, ...)
end

---@type boolean?  can who computes be stopped?
local stops_computing

--- Cancel a task when it takes longer than this, whatever clock it sees.
---@param seconds number
---@param task lull.Task
---@param clock fun(): number  the real one
---@return lull.test.Guard
function guard.open(seconds, task, clock)
  local self <const> = setmetatable({
    task = task,
    clock = clock,
    ends = clock() + seconds,
  }, Guard)
  self.watcher = watcher(self)
  self.deadline = core.guard(seconds + PATIENCE, task)
  open = self
  if stops_computing ~= false then
    stops_computing = pcall(core.patience, math.max(seconds, LEAST))
  end
  return self
end

--- Where somebody was who computed for too long; nil: nobody did.
---@return string?
function Guard:place()
  if open == self and stops_computing then self.computed = core.patience(nil) end
  return self.computed
end

function Guard:__close()
  self:place()
  local _ <close> = self.deadline
  do local _ <close> = self.watcher end
  local _ <close> = self.looked -- the watcher's last act may have made it
  open = nil
end

return guard
