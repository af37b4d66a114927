-- A list whose n says that there are 2^40 entries.
-- expect: failed|limit
-- delay: 600
local lull = require "lull"
lull.map({n = 1 << 40}, function() lull.sleep(1) end)
