-- __eq, __lt, __le and __concat that never return.
-- expect: limit
-- delay: 600
local function loop() while true do end end
local mt = {__eq = loop, __lt = loop, __le = loop, __concat = loop, __len = loop, __unm = loop}
local a, b = setmetatable({}, mt), setmetatable({}, mt)
while true do
  pcall(function() return a == b end)
  pcall(function() return a < b end)
  pcall(function() return a <= b end)
  pcall(function() return a .. b end)
  pcall(function() return #a end)
  pcall(function() return -a end)
end
