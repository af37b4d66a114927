-- stop, generational, incremental, and steps in a loop.
-- expect: limit
-- delay: 600
pcall(collectgarbage, "stop")
while true do
  collectgarbage("count")
  pcall(collectgarbage, "generational", 1, 1)
  for _ = 1, 100 do local _ = {} end
  pcall(collectgarbage, "incremental", 1000, 1, 60)
  pcall(collectgarbage, "step", 1 << 30)
  pcall(collectgarbage, "setpause", 0)
  pcall(collectgarbage, "setstepmul", 0)
end
