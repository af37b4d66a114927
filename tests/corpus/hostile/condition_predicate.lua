-- wait_for with a predicate that never returns.
-- expect: limit
local lull = require "lull"
local c = lull.sync.condition()
c:with(function() c:wait_for(function() while true do end end) end)
