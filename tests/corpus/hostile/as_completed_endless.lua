-- New tasks are started while the old ones are counted.
-- expect: limit
local lull = require "lull"
local function start() return lull.async(function() end)() end
while true do
  for t in lull.as_completed {start(), start(), start()} do t:join() end
end
