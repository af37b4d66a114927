--- lull.test.isolate: each file, describe and test of busted is a task of its own.
--
-- busted calls everything through busted.safe: the executor of an element (a
-- file, describe or `it`) and, within that, its hooks and its body.  Here safe is
-- wrapped:
--
--   executor    a nested run: what hooks start lives until the element ends
--   hook        runs in that task, guarded
--   `it` body   a task below that one, guarded
--
-- What a body or an element started may not outlive it.  The end of a test is
-- announced last, when all of that is known.
local core = require "lull.core"
local guard = require "lull.test.guard"
local left = require "lull.test.left"
local lull = require "lull"
local testing = require "lull.testing"

local executors <const> = { file = true, describe = true, it = true }

--- State of one run of busted.
local Isolation = {}
Isolation.__index = Isolation

--- The name of a test, as busted's handlers show it.
local function full_name(busted, element)
  local names <const> = {}
  while element and element.descriptor ~= "file" and element.descriptor ~= "suite" do
    table.insert(names, 1, tostring(element.name or element.descriptor))
    element = busted.context.parent(element)
  end
  return table.concat(names, " ")
end

local function place_of(element)
  return element.trace
    or { short_src = tostring(element.name), currentline = 0, traceback = "" }
end

--- Raise a failure, as an assertion does, at the place of the element.
function Isolation:fail(element, message)
  self.trace = place_of(element)
  self.busted.fail(message, 0)
end

--- Where the test was, after where the task failed whose error it received.
local function across(traceback, note)
  return "\n" .. note:gsub("\n%s*%[task%] *$", "") .. traceback:gsub("^\nstack traceback:", "")
end

function Isolation:overdue(what, watch)
  if watch.computed then
    return ("%s computed for %g s without waiting; then it was here:\n%s"):format(
      what:gsub("^strict_", ""), self.seconds, watch.computed)
  end
  return ("%s did not end within %g s; then it looked like this:\n%s"):format(
    what:gsub("^strict_", ""), self.seconds, watch.seen)
end

--- Run the body of a test, in a task.
function Isolation:run_body(element, body)
  local still_running
  local task <const> = lull.async(function()
    local before <const> = left.tasks()
    self:shuffle_tasks(element) -- what came before may have taken more turns
    local ok <const>, err <const> = xpcall(body, function(err)
      self.trace = self.get_trace(element, 3, err)
      local note <const> = core.note(err)
      if note then self.trace.traceback = across(self.trace.traceback, note) end
      return err
    end)
    if not ok then error(err, 0) end
    still_running = left.cancel_tasks(before)
  end)()
  task.name = full_name(self.busted, element)
  local watch <close> = guard.open(self.seconds, task, self.busted.monotime)
  local status <const> = task:join()
  if watch:place() then
    self:fail(element, self:overdue("the test", watch))
  elseif status == "done" and still_running then
    self:fail(element, still_running)
  elseif status ~= "done" and watch.seen then
    self:fail(element, self:overdue("the test", watch))
  elseif status ~= "done" then
    self.trace = self.trace or place_of(element)
    error(task:error(), 0)
  end
end

--- Run a hook, or the body of a file or describe, in this task.
function Isolation:run_hook(descriptor, hook)
  local watch <close> = guard.open(self.seconds, lull.current(), self.busted.monotime)
  self.hook = { name = descriptor, watch = watch }
  return hook()
end

--- Is a test to run in virtual time, with its hooks?
function Isolation:is_virtual(element)
  if element.descriptor ~= "it" then return false end
  return self.virtual_time or full_name(self.busted, element):find "#virtual%f[^%w_]" ~= nil
end

--- Shuffle the tasks of this test, in an order that is the same whatever runs beside it.
function Isolation:shuffle_tasks(element)
  if not self.shuffles then return end
  local seed, name <const> = self.busted.randomseed, full_name(self.busted, element)
  for i = 1, #name do seed = seed * 31 + name:byte(i) end
  testing.seed(seed)
end

--- Run the executor of an element; returns what is wrong with it.
function Isolation:run_executor(element, executor)
  local problems <const> = {}
  local depth <const>, handles <const> = self.depth, left.handles() - self.left_open
  self.hook = nil
  local run <const> = self:is_virtual(element) and guard.virtual_time or lull.run
  local ok <const>, err <const> = pcall(run, function()
    lull.current().name = element.descriptor .. " and hooks of: " .. tostring(element.name)
    local before <const> = left.tasks()
    executor()
    table.insert(problems, left.cancel_tasks(before))
  end)
  while self.depth > depth do self.busted.context.pop() end
  if not ok and self.hook and (self.hook.watch.computed or self.hook.watch.seen) then
    table.insert(problems, self:overdue(self.hook.name, self.hook.watch))
  elseif not ok then
    table.insert(problems, self.busted.rewriteMessage(element, err, place_of(element)))
  end
  local count <const>, message <const> = left.open_handles(handles + self.left_open)
  self.left_open = self.left_open + count
  table.insert(problems, message)
  return problems
end

--- Run an executor; returns what is wrong, and what the sink received meanwhile.
function Isolation:observe(element, executor)
  local outer <const>, sunk <const> = self.sunk, {}
  self.sunk = sunk
  local problems <const> = self:run_executor(element, executor)
  if element.descriptor == "file" then collectgarbage() end -- failed futures are reported
  lull.yield() -- the sink delivers in turns of its own
  self.sunk = outer
  return problems, sunk
end

function Isolation:publish(kind, element, problems)
  if #problems == 0 then return end
  local parent <const> = self.busted.context.parent(element)
  self.busted.publish({ kind, element.descriptor }, element, parent,
    table.concat(problems, "\n"), place_of(element))
end

function Isolation:run_container(element, executor)
  local problems <const>, sunk <const> = self:observe(element, executor)
  table.move(sunk, 1, #sunk, #problems + 1, problems)
  self:publish("error", element, problems)
end

function Isolation:run_test(element, executor)
  self.verdict = nil
  self:shuffle_tasks(element)
  local problems <const>, sunk <const> = self:observe(element, executor)
  lull.on_error(self.on_error)
  testing.seed(nil)
  local verdict = self.verdict
  if verdict and verdict[5] ~= "success" then
    for _, text in ipairs(sunk) do io.stderr:write(text, "\n") end
  else
    table.move(sunk, 1, #sunk, #problems + 1, problems)
    if #problems > 0 then
      if not verdict then
        local parent <const> = self.busted.context.parent(element)
        self.busted.safe_publish("test", { "test", "start" }, element, parent)
        verdict = self.verdict
      end
      verdict[5] = "failure"
      self:publish("failure", element, problems)
    end
  end
  if verdict then self.safe_publish(table.unpack(verdict)) end
end

--- What busted.safe is to run in place of `run`.
function Isolation:wrapped(descriptor, run, element)
  if executors[descriptor] and self.busted.context.get() ~= element then
    local method <const> = descriptor == "it" and self.run_test or self.run_container
    return function() return method(self, element, run) end
  elseif descriptor == "it" and run == element.run then
    return function() return self:run_body(element, run) end
  elseif run == element.run or descriptor == "finally" then
    return function() return self:run_hook(descriptor, run) end
  end
  return run
end

--- Wrap busted's functions.
function Isolation:install()
  local busted <const>, context <const> = self.busted, self.busted.context
  local safe <const>, push <const>, pop <const> = busted.safe, context.push, context.pop

  function context.push(element)
    push(element)
    self.depth = self.depth + 1
  end

  function context.pop()
    self.depth = self.depth - 1
    pop()
  end

  function busted.getTrace(element, level, message)
    local trace <const> = self.trace
    self.trace = nil
    if trace then return trace end
    return self.get_trace(element, level, message)
  end

  function busted.safe(descriptor, run, element)
    return safe(descriptor, self:wrapped(descriptor, run, element), element)
  end

  function busted.safe_publish(descriptor, channel, element, ...)
    if element.descriptor == "it" and channel[1] == "test" then
      local parent <const>, status <const> = ...
      self.verdict = { descriptor, { "test", "end" }, element, parent, status or "success" }
      if channel[2] == "end" then return true end
    end
    return self.safe_publish(descriptor, channel, element, ...)
  end
end

--- Make every element of busted a task.
---@param busted table    of busted.core
---@param opts lull.test.Options
return function(busted, opts)
  local self <const> = setmetatable({
    busted = busted,
    seconds = opts.timeout, -- that a test, and a hook, may take
    virtual_time = opts.virtual_time,
    shuffles = opts.shuffle_tasks,
    get_trace = busted.getTrace,
    safe_publish = busted.safe_publish,
    depth = 0,  -- of busted's stack of elements
    left_open = 0, -- handles that were reported already
    sunk = {},  -- texts of errors that nobody received
    hook = nil, -- the hook that ran last
    trace = nil, -- of the error on its way from a body to busted.safe
    verdict = nil, -- arguments for announcing the end of the running test
  }, Isolation)

  function self.on_error(err, task, traceback)
    local text = "an error nobody received: " .. tostring(err)
    if task then text = text .. " (in task " .. task.name .. ")" end
    if traceback then text = text .. "\n" .. traceback end
    table.insert(self.sunk, text)
  end

  self:install()
  lull.on_error(self.on_error)
end
