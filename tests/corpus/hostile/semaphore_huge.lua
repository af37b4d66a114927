-- Counts at the end of integers.
-- expect: done
local lull = require "lull"
local s = lull.sync.semaphore(math.maxinteger)
assert(not pcall(function() for _ = 1, 3 do s:release() end end) or s:value() > 0)
pcall(lull.sync.semaphore, math.mininteger)
pcall(lull.sync.barrier, math.maxinteger)
pcall(lull.sync.barrier, -1)
pcall(lull.sync.queue, math.mininteger)
pcall(lull.sync.channel, -1)
pcall(lull.sleep, 0 / 0)
pcall(lull.after, 0 / 0, print)
pcall(lull.every, 0 / 0, print)
