-- __name that is no string, and one with a zero in it.
-- expect: done
local t = setmetatable({}, {__name = {}})
tostring(t)
pcall(string.rep, t)
t = setmetatable({}, {__name = ("x\0"):rep(100000)})
tostring(t)
pcall(string.rep, t)
pcall(ipairs)
