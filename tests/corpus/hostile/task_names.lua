-- Names that are huge, or change all the time; the tree of all.
-- expect: limit|failed
-- delay: 900
local lull = require "lull"
for i = 1, 200 do
  local t = lull.spawn(lull.sleep_forever)
  t.name = ("n"):rep(10000) .. i
end
while true do lull.tree() lull.tasks() lull.yield() end
