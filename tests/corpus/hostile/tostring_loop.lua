-- __tostring that never returns, under tostring.
-- expect: limit
-- delay: 600
tostring(setmetatable({}, {__tostring = function() while true do end end}))
