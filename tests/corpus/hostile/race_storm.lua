-- Races whose losers will not go.
-- expect: limit
local lull = require "lull"
while true do
  lull.race(function() end, function()
    lull.shield(function() while true do lull.yield() end end)
  end)
end
