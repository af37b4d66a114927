-- table.insert in the front of a table that says it is long.
-- expect: limit|failed
-- needs: bounded
-- delay: 600
local t = setmetatable({}, {__len = function() return 1 << 60 end, __newindex = function() end})
while true do pcall(table.insert, t, 1, "x") end
