-- unpack of too many, and of a length that is no number.
-- expect: limit
while true do
  pcall(table.unpack, {}, 1, 1e7)
  pcall(table.unpack, {}, math.mininteger, math.maxinteger)
  pcall(table.unpack, setmetatable({}, {__len = function() return 1 << 60 end}))
  pcall(table.unpack, setmetatable({}, {__len = function() return "x" end}))
  pcall(table.unpack, {}, 1, 900000)
end
