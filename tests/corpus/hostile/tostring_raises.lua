-- The error object's __tostring raises another of its kind.
-- expect: failed
local mt = {}
mt.__tostring = function() error(setmetatable({}, mt)) end
error(setmetatable({}, mt))
