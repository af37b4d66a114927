-- gsub looks up in a table whose __index never returns.
-- expect: limit
-- delay: 600
local t = setmetatable({}, {__index = function() while true do end end});
("x"):gsub("x", t)
