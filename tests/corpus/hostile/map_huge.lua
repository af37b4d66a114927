-- map over a list that says it is long.
-- expect: failed|limit
-- delay: 600
local lull = require "lull"
local t = setmetatable({}, {__len = function() return 1 << 40 end, __index = function() return 1 end})
lull.map(t, function() lull.sleep(1) end)
