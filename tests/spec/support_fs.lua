--- Support for the specs of lull.fs: a folder to work in, and what the shell says of it.
local fs = require "lull.fs"
local here <const> = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local support = dofile(here .. "support_net.lua")

support.failure = dofile(here .. "support.lua").failure

--- The output of a shell command, without the last newline.
function support.sh(format, ...)
  local pipe <close> = assert(io.popen(format:format(...)))
  return (pipe:read("a"):gsub("\n$", ""))
end

--- A folder for a test; to be closed.
function support.folder()
  return fs.temp_dir()
end

--- Expect an `io` error with this code, path and op.
function support.fails(code, path, op, fn, ...)
  local err <const> = support.failure(fn, ...)
  local got <const> = type(err) == "table"
    and ("%s %s %q %s"):format(err.kind, err.code, err.path, err.op) or tostring(err)
  local expected <const> = ("io %s %q %s"):format(code, path, op)
  if got ~= expected or not tostring(err):find(path, 1, true) then
    error(("expected %s, got %s: %s"):format(expected, got, tostring(err)), 2)
  end
end

--- Run a script under the lull program with options; its output (both streams).
function support.limited(options, code)
  local path <const> = os.tmpname()
  local file <const> = assert(io.open(path, "w"))
  file:write(code)
  file:close()
  local lull_path <const> = os.getenv "LULL" or (os.getenv "LULL_BUILD" or "build") .. "/lull"
  local output <const> = support.sh("timeout 50 '%s' %s '%s' </dev/null 2>&1", lull_path, options, path)
  os.remove(path)
  return output
end

return support
