-- No collection, as much garbage as there can be.
-- expect: failed|limit
pcall(collectgarbage, "stop")
while true do local _ = {{}, {}, {}} end
