-- table.remove from the front of it.
-- expect: limit|failed
-- needs: bounded
-- delay: 600
local t = setmetatable({}, {__len = function() return 1 << 60 end, __newindex = function() end})
while true do pcall(table.remove, t, 1) end
