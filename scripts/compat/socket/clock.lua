--- lull.compat.socket.clock: how long the calls on one socket may wait.
---
--- Both limits are counted from the beginning of the call, as LuaSocket does in effect: the
--- one of mode "b", and the one of mode "t" for the call as a whole.
local check = require "lull.check"
local lull = require "lull"

---@class lull.compat.socket.Clock
---@field block? number
---@field total? number
---@field due? number  when the call that is running has to end
local Clock <const> = {}
Clock.__index = Clock

local clock = {}

--- A clock without limits.
---@return lull.compat.socket.Clock
function clock.new()
  return setmetatable({}, Clock)
end

--- What a socket's settimeout does: no value, or a negative one, is no limit.
---@param value? number
---@param mode? string
function Clock:set(value, mode)
  if value ~= nil then
    value = tonumber(value) or check.fail(1, "settimeout", "number expected")
    if value ~= value or value < 0 then value = nil end
  end
  mode = mode == nil and "b" or tostring(mode):sub(1, 1)
  if mode == "b" then
    self.block = value
  elseif mode == "t" or mode == "r" then
    self.total = value
  else
    check.fail(2, "settimeout", "invalid timeout mode")
  end
end

--- A call begins.
function Clock:start()
  local limit <const> = math.min(self.block or math.huge, self.total or math.huge)
  self.due = limit < math.huge and lull.now() + limit or nil
end

--- Seconds that are left for the call; nil: no limit.
---@return number?
function Clock:left()
  return self.due and math.max(self.due - lull.now(), 0)
end

return clock
