-- table.concat of a table that says it has 2^60 entries.
-- expect: limit|failed
-- needs: bounded
-- delay: 600
local t = setmetatable({}, {__len = function() return 1 << 60 end, __index = function() return "" end})
while true do pcall(table.concat, t) end
