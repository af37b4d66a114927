--- lull.test.guard: a deadline of the real clock, and what was waited for then.
--
-- Cancelling a task unwinds it, and the tree below it.  So a watcher, a task that
-- only waits, is cancelled a moment earlier and looks at the tree while
-- everything is still in its place.  In virtual time only tasks started inside
-- run: every world gets a watcher of its own.
local core = require "lull.core"
local lull = require "lull"
local testing = require "lull.testing"
local tree = require "lull.test.tree"

local guard = {}

local WATCHER <const> = "watcher of lull.test"
local HEAD_START <const> = 0.01 -- seconds from looking to cancelling

--- One guarded task; a `<close>` value.
---@class lull.test.Guard
---@field task lull.Task
---@field clock fun(): number  the real one
---@field ends number   when watchers look, on that clock
---@field seen string?  what the first of them saw; nil: the time is not over
local Guard = {}
Guard.__index = Guard

---@type lull.test.Guard?
local open

local function watch(self)
  local _ <close> = setmetatable({}, {
    __close = function(_, err)
      if lull.is_error(err, "cancelled") and err.reason == "guard" then
        self.seen = self.seen or tree.below(self.task, WATCHER)
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

--- What specs get as lull.testing.virtual_time.
function testing.virtual_time(fn, ...)
  if not open or type(fn) ~= "function" then return virtual_time(fn, ...) end
  return virtual_time(watched, fn, ...)
end

--- Cancel a task when it takes longer than this, whatever clock it sees.
---@param seconds number
---@param task lull.Task
---@param clock fun(): number  the real one
---@return lull.test.Guard
function guard.open(seconds, task, clock)
  local self <const> = setmetatable({
    task = task,
    clock = clock,
    ends = clock() + math.max(seconds - HEAD_START, seconds / 2),
  }, Guard)
  self.watcher = watcher(self)
  self.deadline = core.guard(seconds, task)
  open = self
  return self
end

function Guard:__close()
  local _ <close> = self.deadline
  local _ <close> = self.watcher
  open = nil
end

return guard
