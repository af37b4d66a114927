-- A string of 2^40 bytes.
-- expect: failed
local _ = ("x"):rep(1 << 40)
