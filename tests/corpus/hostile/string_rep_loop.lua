-- As long as memory allows, over and over.
-- expect: limit
while true do pcall(string.rep, "x", 6000000) end
