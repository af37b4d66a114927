-- No collection, as much garbage as there can be.
-- expect: failed|limit
collectgarbage("stop")
while true do local _ = {{}, {}, {}} end
