-- The same, caught and begun again.
-- expect: limit
-- delay: 600
local t = setmetatable({}, {__tostring = function() while true do end end})
while true do pcall(tostring, t) end
