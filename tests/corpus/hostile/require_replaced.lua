-- Modules of lull's replaced by the script's, and then used.
-- expect: done|failed
local lull = require "lull"
for name in pairs(package.loaded) do
  if name ~= "_G" then package.loaded[name] = setmetatable({}, {__index = function() while true do end end}) end
end
pcall(require, "lull.sync")
pcall(function() return lull.sync.lock() end)
lull.sleep(0.001)
