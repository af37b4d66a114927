-- The failures of futures nobody received cannot be described.
-- expect: done
-- delay: 900
local lull = require "lull"
for _ = 1, 3 do
  lull.future():fail(setmetatable({}, {__tostring = function() while true do end end}))
end
collectgarbage()
lull.yield()
