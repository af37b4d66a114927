-- __newindex that writes itself.
-- expect: limit
local t = setmetatable({}, {__newindex = function(t, k, v)
  local function again() t[k + 1] = v end
  while true do pcall(again) end
end})
t[1] = 1
