--- counters.lua: three tasks that wait at the same time.
--
--   lull examples/counters.lua
--
-- Each waits one second; together they take one second, not three.
local lull = require "lull"

local function count(name)
  print(name .. ": one")
  lull.sleep(1)
  print(name .. ": two")
  return name
end

local function main()
  local started <const> = lull.now()
  local a <const>, b <const>, c <const> = lull.gather(
    function() return count "first" end,
    function() return count "second" end,
    function() return count "third" end)
  print(("%s, %s and %s finished in %.2f seconds"):format(a, b, c, lull.now() - started))
end

lull.run(main)
