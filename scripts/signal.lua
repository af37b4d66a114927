--- lull.signal: the signals of the process, for scripts that ask for them.
---
--- While anybody listens to a signal it comes here, in place of what happens otherwise: under the
--- `lull` program INT and TERM then do not cancel the script, USR1 does not print the tasks.
--- When the last listener of the process has ended, what was there before is back.
---
--- Any number of tasks and runtimes may listen to the same signal: each gets it.  As everywhere, a
--- signal that comes several times before it is taken is one.  Names: ALRM CHLD CONT HUP INT QUIT
--- TERM TSTP USR1 USR2 WINCH.  Where not everything is allowed, this raises `permission`.
local check = require "lull.check"
local native = require "lull.signal.native"

local signal = {}

--- Listen to signals: `for name in signal.listen("INT", "TERM") do`.  Leaving the loop ends it.
--- The listener is also a to-be-closed value, with the methods `wait` and `close`.
---@param ... string  names
---@return lull.signal.Listener   raises kinds permission, io, limit
---@return nil
---@return nil
---@return lull.signal.Listener
function signal.listen(...)
  local listener <const> = check.relay("listen", nil, pcall(native.listen, ...))
  return listener, nil, nil, listener
end

--- Wait for the next signal of these; those before the call do not count.
---@async
---@param ... string  names
---@return string name   raises kinds permission, io, limit
function signal.wait(...)
  local listener <close> = check.relay("wait", nil, pcall(native.listen, ...))
  return (listener:wait())
end

return signal
