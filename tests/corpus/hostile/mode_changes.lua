-- __mode is changed while the table is full.
-- expect: limit
local mt = {__mode = "k"}
local t = setmetatable({}, mt)
for i = 1, 1000 do t[{}] = i end
while true do
  mt.__mode = mt.__mode == "k" and "v" or "k"
  collectgarbage("step")
end
