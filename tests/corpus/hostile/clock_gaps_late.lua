-- The same where each step is a little shorter than a slice.
-- expect: limit
-- delay: 25
local lull = require "lull"
local clock = os and os.clock or function() return 0 end
for i = 1, 64 do
  lull.spawn(function()
    while true do
      if i % 16 > 8 then
        local since = clock()
        for _ = 1, 100000 do if clock() - since > 0.003 then break end end
      end
      lull.yield()
    end
  end)
end
lull.sleep_forever()
