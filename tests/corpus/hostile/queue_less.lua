-- A priority queue whose order waits, raises and loops.
-- expect: limit
-- delay: 600
local lull = require "lull"
local calls = 0
local q = lull.sync.queue(nil, "priority", {less = function(a, b)
  calls = calls + 1
  if calls % 3 == 0 then error("less") end
  if calls > 100 then while true do end end
  return a > b
end})
while true do pcall(q.put, q, calls) pcall(q.try_get, q) end
