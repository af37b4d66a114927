-- table.move over a range of 2^60.
-- expect: limit|failed
-- needs: bounded
-- delay: 600
local t = setmetatable({}, {__index = function() end, __newindex = function() end})
while true do pcall(table.move, t, 1, 1 << 60, 2) end
