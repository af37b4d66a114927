-- 2^60 times nothing.
-- expect: done|failed|limit
-- needs: bounded
local _ = (""):rep(1 << 60)
