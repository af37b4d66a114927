-- Errors whose causes go round in a circle.
-- expect: failed
local lull = require "lull"
local a = lull.new_error("io", "a")
local b = lull.new_error("io", "b", {cause = a})
pcall(function() a.cause = b end)
pcall(rawset, a, "cause", b)
error(a)
