-- ipairs over a table that has everything.
-- expect: limit
for _ in ipairs(setmetatable({}, {__index = function(_, i) return i end})) do end
