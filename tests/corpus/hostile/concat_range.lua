-- table.concat with a range of its own, of empty strings.
-- expect: limit|failed
-- needs: bounded
-- delay: 600
local t = setmetatable({}, {__index = function() return "" end})
while true do pcall(table.concat, t, "", 1, math.maxinteger - 1) end
