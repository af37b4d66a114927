-- Nothing, with a separator of nothing.
-- expect: done|failed|limit
-- needs: bounded
local _ = (""):rep(math.maxinteger, "")
