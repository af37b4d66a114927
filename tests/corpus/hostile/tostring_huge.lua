-- The error's text is as large as memory allows.
-- expect: failed
error(setmetatable({}, {__tostring = function() return ("x"):rep(3000000) end}))
