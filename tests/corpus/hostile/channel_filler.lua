-- A channel with as much room as memory, filled.
-- expect: failed|limit
local lull = require "lull"
local ch = lull.sync.channel(math.maxinteger)
while true do ch:send({}) end
