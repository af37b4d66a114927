-- Error objects with everything that errors should not have.
-- expect: failed
local lull = require "lull"
local e = lull.new_error("io", "x", {kind = {}, message = {}, cause = 1, op = print, reason = {}})
tostring(e)
local mt = getmetatable(e)
if type(mt) == "table" then
  for k in pairs(mt) do pcall(rawset, mt, k, function() while true do end end) end
end
error(e)
