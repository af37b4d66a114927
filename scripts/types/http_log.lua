---@meta lull.http.log
--
-- Definitions for editors: the module `lull.http.log`.

---@class lull.http.log
local log = {}

--- What `http.serve` takes as `access_log`.
---@param format? "common"|"combined"|"json"|fun(entry: table, time: integer): string  "combined"
---@param sink? fun(line: string)  stderr
---@return fun(entry: table)
function log.new(format, sink) end

return log
