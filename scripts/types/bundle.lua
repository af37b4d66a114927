---@meta lull.bundle
--
-- Definitions for editors: what `lull bundle` has put into the program besides modules.

---@class lull.bundle
local bundle = {}

--- Read what was put into the running program with --file.  Where the host offers nothing, as
--- when the script runs in plain lull, the file itself is read; then this suspends.
---@async
---@param name string  as it was given to --file
---@return string bytes  raises kind `io`, code ENOENT, when there is none
function bundle.read(name) end

return bundle
