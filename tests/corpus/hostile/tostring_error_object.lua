-- The error object that ends the script has a __tostring that never returns.
-- expect: failed|limit
-- delay: 600
error(setmetatable({}, {__tostring = function() while true do end end}))
