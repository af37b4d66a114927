-- The longest chain that Lua follows, over and over.
-- expect: limit
local top = {}
for _ = 1, 1900 do top = setmetatable({}, {__index = top}) end
while true do local _ = top.x end
