-- Recursion through C: tostring, concat, comparison, index.
-- expect: limit|failed
local mt = {}
local o = setmetatable({}, mt)
mt.__tostring = function() return tostring(o) end
mt.__concat = function() return o .. o end
mt.__lt = function() return o < o end
mt.__index = function(t, k) return t[k] end
mt.__call = function(self) return 1 + self() end
while true do
  pcall(tostring, o)
  pcall(function() return o .. "x" end)
  pcall(function() return o < o end)
  pcall(function() return o.x end)
  pcall(o)
end
