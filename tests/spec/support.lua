--- Support for the task specs: a few verbs that every file needs.
local lull = require "lull"
local testing = require "lull.testing"

local support = {}

--- A function that raises `value` unchanged.
function support.raiser(value)
  return function() error(value, 0) end
end

--- The error of a call that must fail.
function support.failure(fn, ...)
  local results <const> = table.pack(pcall(fn, ...))
  if results[1] then
    error("expected an error, but the call returned " .. results.n - 1 .. " values", 2)
  end
  return results[2]
end

--- A test body that runs on the virtual clock.
function support.virtual(fn)
  return function() testing.virtual_time(fn) end
end

--- Let everything that is ready run on for a few turns.
function support.turns()
  for _ = 1, 5 do lull.yield() end
end

--- Start `fn(...)` as a task and let it run to its first wait.
function support.started(fn, ...)
  local task <const> = lull.async(fn)(...)
  lull.yield()
  return task
end

--- A plain to-be-closed value that calls `fn(err)`.
function support.closing(fn)
  return setmetatable({}, { __close = function(_, err) fn(err) end })
end

--- Run `fn(...)`; return what the sink received meanwhile, then the results.
function support.sink(fn, ...)
  local seen <const> = {}
  local previous <const> = lull.on_error(function(err, task, traceback)
    seen[#seen + 1] = { err = err, task = task, traceback = traceback }
  end)
  local results <const> = table.pack(pcall(fn, ...))
  support.turns()
  lull.on_error(previous)
  if not results[1] then error(results[2], 0) end
  return seen, table.unpack(results, 2, results.n)
end

--- Run a script under the lull program; return its output (both streams) and exit code.
function support.program(code)
  local path <const> = os.tmpname()
  local file <const> = assert(io.open(path, "w"))
  file:write(code)
  file:close()
  local lull_path <const> = os.getenv "LULL" or (os.getenv "LULL_BUILD" or "build") .. "/lull"
  local pipe <const> = assert(io.popen(("timeout 50 '%s' '%s' </dev/null 2>&1"):format(lull_path, path)))
  local output <const> = pipe:read "a"
  local _, how, status = pipe:close()
  os.remove(path)
  return output, how == "exit" and status or how .. " " .. status
end

return support
