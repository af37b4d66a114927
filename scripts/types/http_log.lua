---@meta lull.http.log
--
-- Definitions for editors: a line for every response.

---@class lull.http.log
local log = {}

--- What `http.serve` takes as `access_log`.
---@param format? "common"|"combined"|"json"|fun(entry: table, time: integer): string  "combined"
---@param sink? fun(line: string)  stderr
---@return fun(entry: table)
function log.new(format, sink) end

return log
