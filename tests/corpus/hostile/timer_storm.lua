-- As many timers as fit.
-- expect: failed|limit
local lull = require "lull"
while true do lull.after(1000, print) end
