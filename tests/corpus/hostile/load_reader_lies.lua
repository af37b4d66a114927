-- Readers that return no strings, raise, and wait.
-- expect: done
local lull = require "lull"
assert(not load(function() return {} end))
assert(not load(function() error({}) end))
local parts = {"return ", "1", nil}
local i = 0
assert(load(function() i = i + 1 lull.sleep(0.001) return parts[i] end)() == 1)
