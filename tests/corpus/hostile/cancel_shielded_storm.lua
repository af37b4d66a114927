-- Shielded cleanup that sleeps forever, below a pcall, when killed.
-- expect: limit
-- host: kill
local lull = require "lull"
while true do
  pcall(function()
    local _ <close> = lull.finally(lull.sleep_forever)
    lull.sleep_forever()
  end)
end
