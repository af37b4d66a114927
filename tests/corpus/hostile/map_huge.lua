-- map over a list that says it is long, and has everything.
-- expect: done
local lull = require "lull"
local t = setmetatable({}, {__len = function() return 1 << 40 end, __index = function() return 1 end})
lull.map(t, function() lull.sleep(0.001) end)
