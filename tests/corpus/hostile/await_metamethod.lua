-- __await that never returns, one that awaits itself.
-- expect: failed|limit
local lull = require "lull"
local mt = {}
local o = setmetatable({}, mt)
mt.__await = function() return lull.await(o) end
pcall(lull.await, o)
mt.__await = function() while true do end end
lull.await(o)
