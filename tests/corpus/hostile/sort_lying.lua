-- sort of a table that says it is long, and is empty.
-- expect: limit|failed
-- needs: bounded
-- delay: 600
local t = setmetatable({}, {__len = function() return (1 << 31) - 2 end, __index = function() return 1 end,
  __newindex = function() end})
while true do pcall(table.sort, t) end
