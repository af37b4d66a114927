-- Takes the hook away from lull, all the time.
-- expect: limit
-- delay: 600
local sethook = debug and debug.sethook or function() end
while true do sethook() sethook(function() end, "", 1000000) end
