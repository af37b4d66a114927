-- Many short steps, then long ones where nobody looks at the clock.
-- expect: limit
-- delay: 25
local lull = require "lull"
for i = 1, 48 do
  lull.spawn(function()
    while true do
      if i > 32 then for _ = 1, 300000 do end end
      lull.yield()
    end
  end)
end
lull.sleep_forever()
