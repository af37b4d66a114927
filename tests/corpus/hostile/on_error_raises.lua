-- The handler of errors raises, and what it raises lies.
-- expect: done
local lull = require "lull"
lull.on_error(function() error(setmetatable({}, {__tostring = function() error("again") end})) end)
for _ = 1, 50 do lull.spawn(function() error("lost") end):detach() end
lull.sleep(0.05)
