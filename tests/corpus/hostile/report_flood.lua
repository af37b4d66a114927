-- Errors nobody receives, as many as it can.
-- expect: limit|failed
local lull = require "lull"
while true do
  lull.spawn(error, ("x"):rep(10000)):detach()
  lull.yield()
end
