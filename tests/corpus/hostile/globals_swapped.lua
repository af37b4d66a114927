-- _G with another metatable, another _G, no _G.
-- expect: done
local lull = require "lull"
setmetatable(_G, {__index = function(_, k) return k end})
_G._G = {}
lull.spawn(function() assert(unknown == "unknown") end):join() -- luacheck: ignore
_ENV = setmetatable({}, {__index = _ENV})
x = 1 -- luacheck: ignore
lull.sleep(0.001)
