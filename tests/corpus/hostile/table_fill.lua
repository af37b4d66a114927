-- A table of as much as there is.
-- expect: failed
-- message: memory
local t = {}
while true do t[#t + 1] = {} end
