-- Two tasks hand each other something, forever.
-- expect: limit
local lull = require "lull"
local a, b = lull.sync.channel(), lull.sync.channel()
lull.spawn(function() for v in a:items() do b:send(v) end end)
while true do a:send(1) b:recv() end
