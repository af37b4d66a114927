-- A detached task in a shield waits on after its call has ended.
-- expect: done
local lull = require "lull"
lull.spawn(function() lull.shield(lull.sleep_forever) end):detach()
