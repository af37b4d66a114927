--- support_layer.lua: what the specs of lull.sync and of the Lua layer share.
---
--- Two parts.  The first states in one line each what cancellation means for a waiting call.  The
--- second runs snippets twice, here and in a stock lua5.4, and compares what they print.

local lull = require "lull"
local testing = require "lull.testing"

local support = {}

--- Start a task whose error goes to whoever asks for it.
function support.go(fn, ...)
  return lull.async(fn)(...)
end
local go = support.go

--- Call fn, expect an error object of this kind, return it.
function support.raises(kind, fn, ...)
  local ok, e = pcall(fn, ...)
  if ok then error("expected an error of kind " .. kind .. ", got none", 2) end
  if not lull.is_error(e, kind) then
    error("expected an error of kind " .. kind .. ", got: " .. tostring(e), 2)
  end
  return e
end

--- Call fn, expect Lua's plain argument error.
function support.misuse(fn, ...)
  local ok, e = pcall(fn, ...)
  if ok then error("expected an argument error, got none", 2) end
  if type(e) ~= "string" or not (e:find("bad argument", 1, true) or e:find("bad self", 1, true)) then
    error("expected an argument error, got: " .. tostring(e), 2)
  end
end

--- Expect that the task ends with this status.
function support.ends(status, task)
  local got = task:join()
  if got ~= status then
    local why = got == "failed" and ": " .. tostring(task:error()) or ""
    error("expected a task to end " .. status .. ", it ended " .. got .. why, 2)
  end
end
local ends = support.ends

--- The call is made by a task that is already cancelled: it must raise, whatever is ready.
function support.cancelled_before(fn, ...)
  local returned = false
  local task = go(function(...)
    lull.current():cancel()
    fn(...)
    returned = true
  end, ...)
  ends("cancelled", task)
  if returned then error("the call of a cancelled task returned", 2) end
end

--- The call waits and its task is cancelled: it must raise.
function support.cancelled_waiting(fn, ...)
  local returned = false
  local task = go(function(...)
    fn(...)
    returned = true
  end, ...)
  testing.settle()
  if task:status() ~= "pending" then error("the call did not wait", 2) end
  task:cancel()
  ends("cancelled", task)
  if returned then error("the wait of a cancelled task returned", 2) end
end

--- The call waits, deliver() gives it its result without suspending, then its task is cancelled before
--- it runs: the result is returned and the next checkpoint raises.  Returns the call's results.
function support.delivered(deliver, fn, ...)
  local results, went_on
  local task = go(function(...)
    results = table.pack(fn(...))
    lull.yield()
    went_on = true
  end, ...)
  testing.settle()
  if results then error("the call did not wait", 2) end
  deliver()
  if results then error("the waiter was resumed inside the call that woke it", 2) end
  task:cancel()
  ends("cancelled", task)
  if not results then error("the delivered result was dropped", 2) end
  if went_on then error("the cancellation did not come at the next checkpoint", 2) end
  return table.unpack(results, 1, results.n)
end

--- The call waits until a deadline passes: it must be left by it.
function support.expires(fn, ...)
  local inside = testing.virtual_time(lull.move_on_after, 5, fn, ...)
  if inside ~= false then error("the wait did not expire", 2) end
end

--- Call fn(seconds) with times that become longer, until it ends well: for what has to happen
--- within a time, on a machine that may hold anybody up.
function support.patiently(fn)
  for _, seconds in ipairs { 0.05, 0.5 } do
    if pcall(fn, seconds) then return end
  end
  fn(5)
end

-- Snippets --------------------------------------------------------------------------------------

-- The same text drives a snippet in both processes.  A snippet is a chunk whose first argument is a
-- print-like collector and whose second cuts a traceback below the snippet.  It runs on the task (in
-- stock Lua: on the main thread) and again in a coroutine that is resumed until it is dead.  Addresses
-- are made alike.
local driver = [==[
local function collector()
  local lines = {}
  local function out(...)
    local parts = table.pack(...)
    for i = 1, parts.n do parts[i] = tostring(parts[i]):gsub("0x%x+", "ADDRESS") end
    lines[#lines + 1] = table.concat(parts, "\t")
  end
  return out, lines
end

local function cut(text)
  local kept = {}
  for line in text:gmatch("[^\n]+") do
    kept[#kept + 1] = line
    if line:find("in main chunk", 1, true) then break end
  end
  return table.concat(kept, "\n")
end

local function on_thread(code)
  local out, lines = collector()
  local chunk = assert(load(code, "=snippet"))
  local ok, e = pcall(chunk, out, cut)
  if not ok then out("raised", type(e), e) end
  return table.concat(lines, "\n")
end

local function in_coroutine(code)
  local out, lines = collector()
  local co = coroutine.create(assert(load(code, "=snippet")))
  local got = table.pack(coroutine.resume(co, out, cut))
  while got[1] and coroutine.status(co) ~= "dead" do
    out("yielded", table.unpack(got, 2, got.n))
    got = table.pack(coroutine.resume(co))
  end
  if not got[1] then out("raised", type(got[2]), got[2]) end
  return table.concat(lines, "\n")
end

return function(code)
  return "on the thread:\n" .. on_thread(code) .. "\nin a coroutine:\n" .. in_coroutine(code) .. "\n"
end
]==]

local function write_file(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

--- Run the snippets in one stock lua5.4; returns what each printed.
local function run_stock(snippets)
  local path = os.tmpname()
  local text = { "local run = assert(load(", ("%q"):format(driver), ", '=driver'))()\n" }
  for _, snippet in ipairs(snippets) do
    text[#text + 1] = ("io.write(run(%q), '\\0')\n"):format(snippet.code)
  end
  write_file(path, table.concat(text))
  local pipe = assert(io.popen("lua5.4 -E " .. path .. " 2>&1"))
  local printed = pipe:read("a")
  pipe:close()
  os.remove(path)
  local results = {}
  for one in printed:gmatch("(%Z*)%z") do results[#results + 1] = one end
  if #results ~= #snippets then error("stock lua5.4 failed: " .. printed) end
  return results
end

--- A list of { "name", "code" }.  check(i) runs the i-th here and compares it with stock Lua, which is
--- started once, for all of them, when the first is checked.
function support.batch(list)
  local snippets, stock = {}, nil
  for i, entry in ipairs(list) do snippets[i] = { name = entry[1], code = entry[2] } end
  local run = assert(load(driver, "=driver"))()
  local batch = { snippets = snippets }
  function batch.check(i)
    stock = stock or run_stock(snippets)
    -- busted's penlight has `load` in modules; Lua names a function by the module it finds first
    local here = run(snippets[i].code):gsub("'pl%.%w+%.", "'")
    if here ~= stock[i] then
      local text = "'%s' differs from stock Lua\n--- stock\n%s--- lull\n%s"
      error(text:format(snippets[i].name, stock[i], here), 2)
    end
  end
  return batch
end

--- A file of this text that is removed at the end of the block.
function support.temp_file(text)
  local path = os.tmpname()
  write_file(path, text)
  return setmetatable({ path = path }, { __close = function() os.remove(path) end })
end

return support
