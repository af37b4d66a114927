--- lull.test.isolate: each file, describe and test of busted is a task of its own.
--
-- busted runs everything through busted.safe: the executor of an element (a file,
-- describe or `it`), and within that its hooks and its body.  Here safe is put
-- in front of itself:
--
--   executor    a nested run, so that what hooks start lives until the element ends
--   hook        in that run, guarded
--   `it` body   a task below that run, guarded
--
-- When a run or body has ended nothing it started may be left.  The end of a
-- test is announced after all that, since it carries the verdict.
local core = require "lull.core"
local guard = require "lull.test.guard"
local lull = require "lull"
local testing = require "lull.testing"

local executors <const> = { file = true, describe = true, it = true }
local TURNS <const> = 10 -- that a task may take to end by itself

--- Put before busted's own functions.
---@param busted table   of busted.core
---@param seconds number  of the guard
return function(busted, seconds)
  local safe <const>, safe_publish <const> = busted.safe, busted.safe_publish
  local context <const> = busted.context
  local push <const>, pop <const>, get_trace <const> = context.push, context.pop, busted.getTrace

  local depth = 0  -- of busted's stack of elements
  local sunk = {}  -- what the sink received since the last verdict
  local verdict    -- of the running test: the arguments of its end
  local trace      -- of the error on its way from a body to safe

  function context.push(element)
    push(element)
    depth = depth + 1
  end

  function context.pop()
    depth = depth - 1
    pop()
  end

  function busted.getTrace(element, level, message)
    local known <const> = trace
    trace = nil
    if known then return known end
    return get_trace(element, level, message)
  end

  local function full_name(element)
    local names <const> = {}
    while element and element.descriptor ~= "file" and element.descriptor ~= "suite" do
      table.insert(names, 1, tostring(element.name or element.descriptor))
      element = context.parent(element)
    end
    return table.concat(names, " ")
  end

  -- What is left ----------------------------------------------------------------------------

  local function on_sunk(err, task, traceback)
    local text = "an error that nobody received: " .. tostring(err)
    if task then text = text .. " (in task " .. task.name .. ")" end
    if traceback then text = text .. "\n" .. traceback end
    table.insert(sunk, text)
  end

  local function set_of(list)
    local set <const> = {}
    for _, item in ipairs(list) do set[item] = true end
    return set
  end

  --- Cancel the tasks that are not in `before`; returns their tree, or nil.
  local function left_running(before)
    local left
    for turn = 0, TURNS do
      left = {}
      for _, task in ipairs(lull.tasks()) do
        if not before[task] then table.insert(left, task) end
      end
      if #left == 0 then return nil end
      if turn < TURNS then lull.yield() end
    end
    local names <const> = {}
    for _, line in ipairs(guard.lines()) do
      for _, task in ipairs(left) do
        if line:find(task.name, 1, true) then
          table.insert(names, "  " .. line:match "^ *(.*)")
          break
        end
      end
    end
    for _, task in ipairs(left) do task:cancel "left running" end
    return ("%d task%s left running:\n%s"):format(#left, #left == 1 and "" or "s",
      table.concat(names, "\n"))
  end

  local function left_open(before)
    if core.handles() <= before then return nil end
    collectgarbage()
    collectgarbage()
    local left <const> = core.handles() - before
    if left <= 0 then return nil end
    return ("%d native handle%s left open"):format(left, left == 1 and "" or "s")
  end

  local function overdue(what, seen)
    return ("%s did not end within %g s; then it waited:\n%s"):format(what, seconds, seen)
  end

  return nil
end
