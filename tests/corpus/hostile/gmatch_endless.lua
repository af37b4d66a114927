-- gmatch of the empty pattern over a long string, over and over.
-- expect: limit
local s = ("a"):rep(100000)
while true do for _ in s:gmatch("") do end end
