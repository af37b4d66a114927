---@meta lull.signal
--
-- Definitions for editors: the signals of the process.
--
-- While anybody listens to a signal it comes here, in place of what happens otherwise: under the
-- `lull` program INT and TERM then do not cancel the script.  When the last listener has ended,
-- what was there before is back.  Names: ALRM CHLD CONT HUP INT QUIT TERM TSTP USR1 USR2 WINCH.
-- Where not everything is allowed, this raises `permission`.

---@class lull.signal
local signal = {}

--- Listen to signals: `for name in signal.listen("INT", "TERM") do`.  Leaving the loop ends it;
--- closing the listener ends the loop.  Any number may listen to the same signal: each gets it.
--- A signal that comes again before it was taken is one.  Raises `permission`, `io`, `limit`.
---@param ... string  names
---@return lull.signal.Listener
---@return nil
---@return nil
---@return lull.signal.Listener
function signal.listen(...) end

--- Wait for the next signal of these; those before the call do not count.
--- Raises `permission`, `io`, `limit`.
---@async
---@param ... string  names
---@return string name
function signal.wait(...) end

--- Signals that arrive; also a to-be-closed value, and callable as an iterator.
---@class lull.signal.Listener
local Listener = {}

--- Wait for a signal.  Of several tasks that wait, the first in line gets it.  Raises `closed`.
---@async
---@return string name
function Listener:wait() end

--- Listen no more.  Who waits gets `closed`; loops end.
function Listener:close() end

return signal
