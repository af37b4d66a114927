-- Closes and resumes a coroutine that waits with another task.
-- expect: done
local lull = require "lull"
local co = coroutine.create(function() lull.sleep(0.02) return 1 end)
local task = lull.async(function() return coroutine.resume(co) end)()
lull.sleep(0.005)
assert(not pcall(coroutine.close, co))
assert(not coroutine.resume(co))
assert(lull.await(task))
