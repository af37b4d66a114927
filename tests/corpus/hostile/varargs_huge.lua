-- The most arguments that fit, over and over.
-- expect: limit
-- delay: 600
local t = {}
while true do
  pcall(function() return select("#", table.unpack(t, 1, 200000)) end)
  pcall(function() return math.max(table.unpack(t, 1, 200000)) end)
  pcall(function() return string.char(table.unpack(t, 1, 200000)) end)
end
