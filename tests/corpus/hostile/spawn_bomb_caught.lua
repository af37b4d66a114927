-- The same; the limit is caught.
-- expect: limit
-- within: 10
local lull = require "lull"
local function bomb() while true do pcall(lull.spawn, bomb) lull.yield() end end
bomb()
