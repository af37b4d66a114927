-- A hundred objects, each the __call of the next.
-- expect: limit
local f = function() end
for _ = 1, 100 do f = setmetatable({}, {__call = f}) end
while true do f() end
