-- select over long argument lists, quadratic.
-- expect: limit
local function count(...)
  local n = 0
  for i = 1, select("#", ...) do if (select(i, ...)) == nil then n = n + 1 end end
  return n
end
while true do count(table.unpack({}, 1, 20000)) end
