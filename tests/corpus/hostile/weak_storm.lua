-- Weak tables, filled and dropped.
-- expect: limit|failed
while true do
  local t = setmetatable({}, {__mode = "kv"})
  for i = 1, 10000 do t[i] = {} end
end
