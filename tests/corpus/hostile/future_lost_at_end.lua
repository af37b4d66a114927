-- Futures that nobody looked at, with errors that loop, when the runtime ends.
-- expect: done
-- delay: 600
local lull = require "lull"
lull.on_error(function() while true do end end)
held = {} -- luacheck: ignore
for i = 1, 100 do
  held[i] = lull.future() -- luacheck: ignore
  held[i]:fail(setmetatable({}, {__tostring = function() while true do end end})) -- luacheck: ignore
end
