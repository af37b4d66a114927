-- print and warn of what cannot be printed.
-- expect: done|failed|limit
-- delay: 600
pcall(print, setmetatable({}, {__tostring = function() return {} end}))
pcall(print, setmetatable({}, {__tostring = function() error("x") end}))
pcall(print, ("\0"):rep(100000))
pcall(warn, "@off")
pcall(warn, ("%s%n\0"):rep(1000))
print(setmetatable({}, {__tostring = function() while true do end end}))
