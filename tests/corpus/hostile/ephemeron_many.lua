-- Many ephemeron tables, chained across one another.
-- expect: limit|failed
-- delay: 1500
local tables, key = {}, {}
local first = key
for i = 1, 3000 do
  local value = {}
  tables[i] = setmetatable({[key] = value}, {__mode = "k"})
  key = value
end
for i = 1, 1500 do tables[i], tables[3001 - i] = tables[3001 - i], tables[i] end
while true do collectgarbage() local _ = first end
