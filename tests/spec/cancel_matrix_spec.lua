--- cancel_matrix_spec.lua: every kind of wait, cancelled, timed out, closed and left in every state.
---
--- The rows are in cancel_matrix/: what waits (tasks.lua says how one is written).  The columns are
--- here: what happens to it.  Each cell is a test "row: column".  That every op type of the sources
--- has a row is checked at the end.

local lull = require "lull"
local testing = require "lull.testing"
local here = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local support = dofile(here .. "support_net.lua")
local go, ends = support.go, support.ends
support.assert = assert

local PATIENCE <const> = 20 -- seconds until a wait that should be over has been lost

--- The names of the files with rows.
local function files()
  local names = {}
  local list <close> = assert(io.popen("ls " .. here .. "cancel_matrix/*.lua"))
  for path in list:lines() do names[#names + 1] = path:match("([^/]+)%.lua$") end
  return names
end

--- Expect that the task ends with this status, soon.
local function soon(status, task, what)
  if not lull.move_on_after(PATIENCE, task.join, task) then
    error((what or "the wait") .. " is never over:\n" .. lull.tree(), 0)
  end
  ends(status, task)
end

--- Let the waiters run up to their waits.
local function settle(stage)
  if not stage.turns then return testing.settle() end
  for _ = 1, 8 do lull.yield() end
end

--- A waiter: a task that waits, and has one more checkpoint.  `saw` is what became of it.
local function waiter(stage, wait)
  local saw = {}
  saw.task = go(function()
    (wait or stage.wait)()
    saw.returned = true
    if stage.leave then stage.leave() end
    lull.yield()
    saw.went_on = true
  end)
  return saw
end

local MISSED <const> = {} -- what is raised by a try in which the call was over too soon
local TRIES <const> = 50

--- The call has to wait now.
local function must_wait(stage, task)
  local status = task:status()
  if status == "pending" then return end
  if status == "done" then error(stage.turns and MISSED or "the call did not wait", 0) end
  error("the call did not wait: " .. tostring(task:error()), 0)
end

--- Wait for the end of a waiter; its call must not have ended well, or has been over too soon.
local function must_fail(stage, saw, status)
  if stage.turns and lull.move_on_after(PATIENCE, saw.task.join, saw.task) and saw.returned then
    error(MISSED, 0)
  end
  soon(status, saw.task)
end

--- A waiter that waits, in the phase that the row is about.
local function waiting(stage)
  if stage.turns and stage.arrange then stage.arrange() end
  local saw = waiter(stage)
  settle(stage)
  if stage.arrange and not stage.turns then stage.arrange() end
  must_wait(stage, saw.task)
  return saw
end

local function finish(stage)
  (stage.complete or stage.finish)()
end

--- Expect that the waiter was cancelled in its wait.
local function cancelled(stage, saw)
  if stage.release then stage.release() end
  must_fail(stage, saw, "cancelled")
  assert.is_nil(saw.returned, "the wait of a cancelled task returned")
end

local function check(fn)
  if fn then fn() end
end

local columns = {} -- { name, title, what to do; needs: does it make sense for this stage? }

columns[1] = { "before", "cancelled before it waits", function(stage)
  if stage.ready then stage.ready() end
  local reached, returned
  local task = go(function()
    stage.wait(function()
      reached = true
      lull.current():cancel()
    end)
    returned = true
  end)
  if stage.turns then check(stage.arrange) end
  soon("cancelled", task)
  assert.is_true(reached)
  assert.is_nil(returned, "the call of a cancelled task returned")
  if stage.ready then check(stage.intact) else check(stage.usable) end
end }

columns[2] = { "waiting", "cancelled while it waits", function(stage)
  local saw = waiting(stage)
  saw.task:cancel()
  cancelled(stage, saw)
  check(stage.usable)
end, needs = function(stage) return not stage.joining end }

columns[3] = { "completed", "completed, and cancelled before the task runs", function(stage)
  local saw
  if stage.deliver then
    stage.deliver(function(wait) saw = waiter(stage, wait) end)
  else
    saw = waiting(stage)
    stage.complete()
  end
  assert.is_nil(saw.returned, "the waiter ran before it was cancelled: the row is wrong")
  saw.task:cancel()
  soon("cancelled", saw.task)
  assert.is_true(saw.returned, "a result that had arrived was dropped")
  assert.is_nil(saw.went_on, "the cancellation did not come at the next checkpoint")
end, needs = function(stage) return stage.deliver or stage.complete and not stage.delays end }

columns[4] = { "early", "cancelled, and completed before the task runs", function(stage)
  local saw = waiting(stage)
  saw.task:cancel()
  finish(stage)
  cancelled(stage, saw)
  check(stage.intact)
end, needs = function(stage) return stage.complete or stage.finish end }

columns[5] = { "expired", "timed out", function(stage)
  if stage.turns then check(stage.arrange) end
  local kind
  local task = go(function()
    local _, e = pcall(lull.timeout, 0.005, stage.wait)
    kind = lull.is_error(e) and e.kind or tostring(e)
  end)
  settle(stage)
  if not stage.turns then check(stage.arrange) end
  if stage.release then
    lull.sleep(0.01)
    stage.release()
  end
  soon("done", task)
  assert.are.equal("timeout", kind)
  check(stage.usable)
end, needs = function(stage) return not stage.joining end }

columns[6] = { "shielded", "cancelled under a shield", function(stage)
  if stage.turns then check(stage.arrange) end
  local returned, went_on
  local task = go(function()
    lull.shield(function()
      stage.wait()
      returned = true
      if stage.leave then stage.leave() end
    end)
    lull.yield()
    went_on = true
  end)
  settle(stage)
  if not stage.turns then check(stage.arrange) end
  must_wait(stage, task)
  task:cancel()
  lull.yield()
  if stage.turns and returned then error(MISSED, 0) end
  assert.are.equal("pending", task:status())
  finish(stage)
  soon("cancelled", task)
  assert.is_true(returned, "the shield did not hold")
  assert.is_nil(went_on)
end, needs = function(stage) return (stage.complete or stage.finish) and not stage.joining end }

columns[7] = { "closed", "closed under it", function(stage)
  local object = stage.closing and stage.closing() or stage
  local saw = waiter(object)
  settle(stage)
  must_wait(stage, saw.task)
  object.close()
  must_fail(stage, saw, "failed")
  support.raises("closed", saw.task.result, saw.task)
end, needs = function(stage) return stage.closing or stage.close end }

columns[8] = { "closing", "closed under it, and cancelled before the task runs", function(stage)
  local saw = waiting(stage)
  stage.close()
  saw.task:cancel()
  must_fail(stage, saw, "failed")
  support.raises("closed", saw.task.result, saw.task)
end, needs = function(stage) return stage.close end }

columns[9] = { "shared", "a second waiter gets its turn when the first is cancelled", function(stage)
  local first, second = waiting(stage), waiter(stage)
  settle(stage)
  assert.are.equal("pending", second.task:status())
  first.task:cancel()
  finish(stage)
  cancelled(stage, first)
  soon("done", second.task, "the second wait")
end, needs = function(stage)
  return (stage.complete or stage.finish) and not stage.alone and not stage.turns
end }

columns[10] = { "twice", "another waits before the cancelled one has seen that", function(stage)
  local first = waiting(stage)
  first.task:cancel()
  local second = go(stage.wait)
  lull.yield() -- it begins in the same round
  if stage.release then stage.release() end
  if stage.complete or stage.finish then
    cancelled(stage, first)
    settle(stage)
    finish(stage)
    soon("done", second, "the second wait")
  else
    second:cancel()
    cancelled(stage, first)
    soon("cancelled", second, "the second wait")
  end
end, needs = function(stage) return not stage.joining end }

columns[11] = { "eager", "another, queued first, waits before the cancelled one has seen it", function(stage)
  local first = waiting(stage)
  local second = go(stage.wait)
  first.task:cancel()
  if stage.release then stage.release() end
  cancelled(stage, first)
  settle(stage)
  if stage.complete or stage.finish then
    finish(stage)
    soon("done", second, "the second wait")
  else
    second:cancel()
    soon("cancelled", second, "the second wait")
  end
end, needs = function(stage) return not stage.joining end }

columns[12] = { "partial", "woken to wait on, and cancelled before the task runs", function(stage)
  local saw
  stage.partial(function()
    saw = waiter(stage)
    return saw
  end)
  saw.task:cancel()
  cancelled(stage, saw)
  check(stage.partial_intact or stage.usable)
end, needs = function(stage) return stage.partial end }

columns[13] = { "joined", "cancelled while it joins", function(stage)
  local saw = waiting(stage)
  saw.task:cancel()
  lull.yield()
  assert.are.equal("pending", saw.task:status())
  stage.release()
  soon("cancelled", saw.task)
end, needs = function(stage) return stage.joining end }

--- Code for a program of its own, which starts the wait of a row and leaves at once.
local FORCED <const> = [[
  local support = dofile("%ssupport_net.lua")
  local rows = dofile("%scancel_matrix/%s.lua")(support)
  local stage = rows[%d][3]()
  for _ = 1, stage.alone and 1 or 2 do require("lull").spawn(stage.wait) end
  for _ = 1, 8 do require("lull").yield() end
  if stage.arrange then stage.arrange() end
  os.exit(7)]]

local function allowed(row, column)
  return not row.columns or row.columns[column[1]]
end

local ops = {} -- name -> true, of those with a row

--- One test: a column on a stage of its own.
local function try(column, make)
  local stage = make()
  if column.needs and not column.needs(stage) then
    check(stage.over)
    return
  end
  local _ <close> = lull.finally(function()
    check(stage.over)
  end)
  column[3](stage)
end

--- Try until the call was not over too soon: where other threads do the work nobody can tell.
local function run(column, make, is_virtual)
  local ok, err
  for _ = 1, TRIES do
    if is_virtual then
      ok, err = pcall(testing.virtual_time, try, column, make)
    else
      ok, err = pcall(try, column, make)
    end
    if err ~= MISSED then break end
  end
  if not ok then error(err ~= MISSED and err or "the call never waited", 0) end
end

for _, file in ipairs(files()) do
  local rows = dofile(here .. "cancel_matrix/" .. file .. ".lua")(support)
  for number, row in ipairs(rows) do
    local title, op, make = row[1], row[2], row[3]
    ops[op] = true
    for _, column in ipairs(columns) do
      if allowed(row, column) then
        it(title .. ": " .. column[2], function()
          run(column, make, row.virtual)
        end)
      end
    end
    it(title .. ": closed by force", function()
      local output, code = support.program(FORCED:format(here, here, file, number))
      assert.are.equal("", output)
      assert.are.equal(7, code)
    end)
  end
end

describe("the cancel matrix", function()
  --- The names in the initialisers of struct lull_op_type in a source.
  local function add_names(path, names)
    local file <close> = assert(io.open(path))
    local lines = {}
    local defined = {}
    for line in file:lines() do
      local macro, value = line:match('^#define%s+([%u_%d]+)%s+"(.-)"')
      if macro then defined[macro] = value end
      lines[#lines + 1] = line
    end
    for block in table.concat(lines, "\n"):gmatch("struct lull_op_type [%w_]+[%[%]]*%s*=%s*(%b{});") do
      for name in block:gmatch("%.name%s*=%s*([^,}%s]+)") do
        local literal = name:match('^"(.*)"$') or defined[name]
        assert(literal or name:find "%->", name) -- else it is named by whoever made it
        if literal then names[literal] = path end
      end
    end
  end

  it("has a row for every op type of the sources, and no other", function()
    local list <close> = assert(io.popen("ls core/*/*.c bindings/*/*.c"))
    local names = {}
    for path in list:lines() do add_names(path, names) end
    for name, path in pairs(names) do
      assert.is_true(ops[name], ("%s: no row for the op type '%s'"):format(path, name))
    end
    for name in pairs(ops) do
      assert.is_truthy(names[name], ("no op type is called '%s'"):format(name))
    end
    assert.is_true(next(names) ~= nil)
  end)
end)
