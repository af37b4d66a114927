-- The handler of errors nobody received loops.
-- expect: limit|failed
-- delay: 900
local lull = require "lull"
lull.on_error(function() while true do end end)
for _ = 1, 3 do
  local t = lull.spawn(function() error("lost") end)
  t:detach()
end
lull.sleep(0.05)
while true do end
