-- A detached task computes on after its call has ended.
-- expect: done|limit|failed
local lull = require "lull"
lull.spawn(function() while true do end end):detach()
