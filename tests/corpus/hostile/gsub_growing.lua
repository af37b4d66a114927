-- Every byte becomes the whole string.
-- expect: failed|limit
-- delay: 1000
local s = ("x"):rep(100000)
while true do s = s:gsub("x", s:sub(1, 1000)) end
