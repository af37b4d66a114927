-- Futures that fail and that nobody looks at.
-- expect: limit|failed
local lull = require "lull"
while true do lull.future():fail("lost") lull.yield() end
