--- lull.test.left: what a test may not leave behind.
local core = require "lull.core"
local lull = require "lull"
local tree = require "lull.test.tree"

local left = {}

local TURNS <const> = 10 -- that a task may take to end by itself

--- A look at what there is before something runs.
---@return table<lull.Task, true>
function left.tasks()
  local before <const> = {}
  for _, task in ipairs(lull.tasks()) do before[task] = true end
  return before
end

local function newer(before)
  local tasks <const> = {}
  for _, task in ipairs(lull.tasks()) do
    if not before[task] then tasks[#tasks + 1] = task end
  end
  return tasks
end

--- Cancel the tasks that were not there before and do not end by themselves.
---@async
---@param before table<lull.Task, true>
---@return string?  which they were
function left.cancel_tasks(before)
  local tasks = newer(before)
  for _ = 1, TURNS do
    if #tasks == 0 then return nil end
    lull.yield()
    tasks = newer(before)
  end
  if #tasks == 0 then return nil end
  local message <const> = ("%d task%s left running:\n%s"):format(
    #tasks, #tasks == 1 and "" or "s", tree.of(tasks))
  for _, task in ipairs(tasks) do task:cancel "left running" end
  return message
end

--- Native handles that a test may leave open: look-ups of names end by themselves, and go on when a
--- test that had waited for one does not; the workers of worker.call are everybody's.
local NOT_COUNTED <const> = { ["dns.lookup"] = true, ["worker.shared"] = true }

--- Count the native handles that are open.
---@return integer
function left.handles()
  local count, kinds <const> = core.handles()
  for _, kind in ipairs(kinds) do
    if NOT_COUNTED[kind] then count = count - 1 end
  end
  return count
end

--- Count the native handles that were not open before.
---@param before integer  left.handles() of then
---@return integer count
---@return string? message
function left.open_handles(before)
  if left.handles() <= before then return 0 end
  collectgarbage()
  collectgarbage()
  local count <const> = left.handles() - before
  if count <= 0 then return 0 end
  return count, ("%d native handle%s left open"):format(count, count == 1 and "" or "s")
end

return left
