--- support_net.lua: what the specs of lull.net share.

local lull = require "lull"
local net = require "lull.net"
local testing = require "lull.testing"

local here = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local support = setmetatable({}, { __index = dofile(here .. "support_layer.lua") })

--- More than every buffer between two sockets holds.
support.FLOOD = ("x"):rep(16 * 1024 * 1024)

--- A to-be-closed value that closes all of these.
local function closing(...)
  local all = { ... }
  return setmetatable({}, { __close = function()
    for _, one in ipairs(all) do one:close() end
  end })
end

--- Two connected streams, and a value that closes both.
function support.pair(opts)
  local one, other = net.pair(opts)
  return one, other, closing(one, other)
end

--- The same by TCP; the second is the accepted one.
function support.tcp_pair(opts)
  local listener <close> = net.listen { host = "127.0.0.1", timeout = opts and opts.timeout }
  local accepted = support.go(listener.accept, listener)
  local one = net.connect("127.0.0.1", listener.port, opts)
  local other = accepted:await()
  return one, other, closing(one, other)
end

--- Run fn(one, other) with both ends of every kind of stream that goes both ways.
function support.on_both_kinds(fn, opts)
  for _, make in ipairs { support.pair, support.tcp_pair } do
    local one, other, _ <close> = make(opts)
    fn(one, other)
  end
end

--- Write until a write waits; returns the task that does.
function support.stuffed(stream)
  local task = support.go(stream.write, stream, support.FLOOD)
  testing.settle()
  assert(task:status() == "pending", "the write of everything did not wait")
  return task
end

--- A task that reads everything the stream brings.
function support.drained(stream)
  return support.go(function()
    local total = 0
    for piece in function() return stream:read_some() end do total = total + #piece end
    return total
  end)
end

--- The milliseconds fn(...) takes, then its results.
function support.timed(fn, ...)
  local start = lull.now()
  local results = table.pack(fn(...))
  return (lull.now() - start) * 1000, table.unpack(results, 1, results.n)
end

--- Errors that reach the sink while fn runs.
function support.reported(fn)
  local errors = {}
  local previous = lull.on_error(function(e) errors[#errors + 1] = e end)
  local ok, e = pcall(fn)
  lull.on_error(previous)
  if not ok then error(e, 0) end
  return errors
end

--- A path that does not exist, for a socket; removed at the end of the block.
function support.socket_path()
  local path = os.tmpname()
  os.remove(path)
  return path, setmetatable({}, { __close = function() os.remove(path) end })
end

--- Shell code in front of a program that is to run out of descriptors: a few more than it inherits.
support.FEW_DESCRIPTORS = "ulimit -n $((40 + $(ls /proc/self/fd | wc -l)));"

--- Run code under the lull program; returns its output (both streams) and exit code.  `before` is
--- shell code in front of it.
function support.program(code, before)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(code)
  file:close()
  local lull_path = os.getenv "LULL" or (os.getenv "LULL_BUILD" or "build") .. "/lull"
  local command = ("{ %s timeout 50 '%s' '%s'; } 2>&1"):format(before or "", lull_path, path)
  local pipe = assert(io.popen(command))
  local output = pipe:read "a"
  local _, how, status = pipe:close()
  os.remove(path)
  return output, how == "exit" and status or how .. " " .. status
end

return support
