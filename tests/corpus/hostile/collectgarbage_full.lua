-- Full collections of a full heap.
-- expect: limit
-- delay: 600
local t = {}
for i = 1, 60000 do t[i] = {i} end
while true do collectgarbage() end
