-- select over a thousand channels, over and over.
-- expect: limit
local lull = require "lull"
local list = {timeout = 0}
for i = 1, 1000 do list[i] = {lull.sync.channel(), "recv"} end
while true do lull.select(list) end
