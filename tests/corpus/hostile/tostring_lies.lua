-- The error object's __tostring returns no string.
-- expect: failed
error(setmetatable({}, {__tostring = function() return {} end}))
