-- Changes what strings can do, if it can.
-- expect: done|failed
local lull = require "lull"
local mt = getmetatable("")
if type(mt) == "table" then
  mt.__index = function() error("no methods") end
  mt.__tostring = function() while true do end end
  mt.__concat = error
end
pcall(lull.new_error, "io", "x")
pcall(lull.sleep, "x")
lull.spawn(error, lull.new_error("io", "x")):detach()
lull.sleep(0.01)
