--- lull.http.defaults: what holds for a request that says nothing else.
local lull = require "lull"

local defaults = {}

defaults.USER_AGENT = "lull/" .. lull.version
defaults.MAX_REDIRECTS = 10
defaults.MAX_BODY = 64 * 1024 * 1024

local NEVER <const> = math.huge

--- Set the times that `timeout` stands for, in seconds.  A number is the time of everything, and
--- then nothing else limits it but that of connecting; what a table leaves out has its default.
---@param plan table
---@param timeout nil|number|table
function defaults.set_times(plan, timeout)
  local is_table <const> = type(timeout) == "table"
  local otherwise <const> = type(timeout) == "number" and NEVER or 300
  plan.connect = is_table and timeout.connect or 30
  plan.first_byte = is_table and timeout.first_byte or otherwise
  plan.idle = is_table and timeout.idle or otherwise
  plan.limit = is_table and timeout.total or not is_table and timeout or NEVER
end

return defaults
