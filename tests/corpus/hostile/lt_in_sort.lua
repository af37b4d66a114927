-- Stock sort calls a __lt that loops, where nobody can be set aside.
-- expect: limit
-- delay: 600
local mt = {__lt = function() while true do end end}
local t = {}
for i = 1, 10 do t[i] = setmetatable({}, mt) end
table.sort(t)
