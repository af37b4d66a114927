-- Catches the kill at every level and begins again in a cleanup.
-- expect: limit
-- delay: 600
local function cling()
  local _ <close> = setmetatable({}, {__close = function() while true do pcall(cling) end end})
  while true do end
end
while true do pcall(cling) end
