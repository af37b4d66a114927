-- A thousand tasks wait for a lock whose owner sleeps.
-- expect: limit
-- host: kill
local lull = require "lull"
local lock = lull.sync.lock()
lock:acquire()
for _ = 1, 900 do lull.spawn(lock.acquire, lock) end
lull.sleep_forever()
