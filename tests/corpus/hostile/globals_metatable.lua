-- _G that is asked for everything, and raises or loops.
-- expect: limit
local lull = require "lull"
setmetatable(_G, {__index = function() error("no") end, __newindex = function() while true do end end})
lull.spawn(function() lull.sleep(0.001) end):join()
pcall(require, "lull.sync")
x = 1 -- luacheck: ignore
