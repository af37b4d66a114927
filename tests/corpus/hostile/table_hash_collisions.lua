-- Keys that change the table's size at every turn.
-- expect: limit|failed
local t = {}
while true do
  for i = 1, 65537 do t[i * 1.5] = i end
  for i = 1, 65537 do t[i * 1.5] = nil end
end
