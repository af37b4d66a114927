-- A table that is filled while it is walked, through existing keys.
-- expect: limit
local t = {1, 2, 3}
while true do for k in next, t do t[k] = k end end
