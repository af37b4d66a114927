-- Error objects as fast as they can be made.
-- expect: limit
local lull = require "lull"
while true do
  pcall(function() error(lull.new_error("io", "x", {code = "EIO"})) end)
  pcall(lull.sleep, "never")
  pcall(error)
end
