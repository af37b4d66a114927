-- An unbounded queue, filled with strings.
-- expect: failed|limit
local lull = require "lull"
local q = lull.sync.queue()
local i = 0
while true do i = i + 1 q:put(("x"):rep(100) .. i) end
