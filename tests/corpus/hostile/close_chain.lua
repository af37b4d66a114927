-- Thousands of to-be-closed values that each open another.
-- expect: limit|failed
local function open()
  local _ <close> = setmetatable({}, {__close = function() return open() end})
end
while true do pcall(open) end
