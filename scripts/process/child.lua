--- lull.process.child: a process that was started, as scripts see it.
local check = require "lull.check"
local native = require "lull.process.native"
local options = require "lull.process.options"

local child = {}

---@class lull.process.Process
---@field stdin? lull.net.Stream
---@field stdout? lull.net.Stream
---@field stderr? lull.net.Stream
---@field pid integer
---@field private native userdata
local Process <const> = {}
Process.__index = Process
Process.__name = "lull.process.Process"

--- Wait for its end, in any number of tasks; what it has written can be read after that, too.
---@async
---@return integer? code   nil: it was ended by
---@return string? signal
function Process:wait()
  check.self(self, Process, "wait")
  return self.native:wait()
end

--- How it has ended, if it has.
---@return boolean over
---@return integer? code
---@return string? signal
function Process:status()
  check.self(self, Process, "status")
  return self.native:status()
end

--- Send a signal, to the process alone, or with `group` to all of its group.
---@param signal? string   a name; "TERM"
---@param opts? { group?: boolean }
---@return boolean sent   false: it is over
function Process:kill(signal, opts)
  check.self(self, Process, "kill")
  check.options(opts, 2, "kill", { group = "boolean" })
  local is_group <const> = opts ~= nil and opts.group == true
  return check.relay("kill", { 1, 1 }, pcall(self.native.kill, self.native, signal or "TERM", is_group))
end

--- End it and its group: TERM, and KILL for what is left after `grace` seconds, or of the group
--- when the process has ended.  Does not wait.
---@param grace? number  2
function Process:terminate(grace)
  check.self(self, Process, "terminate")
  if grace ~= nil then check.options({ grace = grace }, 1, "terminate", { grace = "seconds" }) end
  self.native:terminate(grace or 2)
end

--- Tell it the size of its terminal.
---@param rows integer
---@param columns integer
function Process:resize(rows, columns)
  check.self(self, Process, "resize")
  return check.relay("resize", { 1, 1, 2 }, pcall(native.resize, self.stdin, rows, columns))
end

--- Close its streams, and kill it if it runs, unless it may stay.
function Process:close()
  check.self(self, Process, "close")
  for _, name in ipairs { "stdin", "stdout", "stderr" } do
    local stream <const> = self[name]
    if stream then stream:close() end
  end
  self.native:close()
end

Process.__close = Process.close

function Process:__tostring()
  local over <const>, code <const>, signal <const> = self.native:status()
  local state <const> = not over and "running" or signal or "code " .. code
  return ("process %d (%s)"):format(self.pid, state)
end

--- Start a program.
---@param argv string[]
---@param opts lull.process.OpenOptions
---@param op string
---@return lull.process.Process
function child.open(argv, opts, op)
  local handle <const>, stdin <const>, stdout <const>, stderr <const> =
    options.spawn(argv, options.spec(opts, 2, "open"), 2, op)
  return setmetatable({
    native = handle, pid = handle:pid(), stdin = stdin, stdout = stdout, stderr = stderr,
  }, Process)
end

return child
