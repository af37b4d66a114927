--- timeouts.lua: giving up on time, and cleaning up on the way out.
--
--   lull examples/timeouts.lua
local lull = require "lull"

--- Work that takes a while, and says so when it is stopped.
local function work(name, seconds)
  local _ <close> = lull.finally(function(err)
    if err then
      lull.sleep(0.01) -- a cleanup may wait, too: cancellation is held back meanwhile
      print(("  %s stopped: %s"):format(name, err.message))
    end
  end)
  lull.sleep(seconds)
  return name .. " done"
end

--- `timeout` raises an error when the time is over, ...
local function raising()
  print "timeout:"
  print("  " .. lull.timeout(1, work, "quick", 0.02))
  local ok <const>, err <const> = pcall(lull.timeout, 0.05, work, "slow", 10)
  print("  in time: " .. tostring(ok), "raised: " .. tostring(err))
end

--- ... `move_on_after` returns false.
local function moving_on()
  print "move_on_after:"
  local in_time <const>, result <const> = lull.move_on_after(1, work, "quick", 0.02)
  print(("  in time: %s, result: %s"):format(in_time, result))
  print("  in time: " .. tostring(lull.move_on_after(0.05, work, "slow", 10)))
end

--- Everything started inside is stopped with it, however deep.
local function reaching_down()
  print "a timeout around many tasks:"
  local in_time <const> = lull.move_on_after(0.05, function()
    lull.gather(
      function() return work("first", 10) end,
      function() return work("second", 20) end)
  end)
  print("  in time: " .. tostring(in_time))
end

--- The shorter of two deadlines counts, and only the scope it belongs to is left.
local function nested()
  print "a timeout inside a timeout:"
  local outer <const> = lull.move_on_after(5, function()
    local inner <const> = lull.move_on_after(0.05, work, "inner", 10)
    print("  inner in time: " .. tostring(inner))
    print("  " .. work("the rest", 0.01))
  end)
  print("  outer in time: " .. tostring(outer))
end

--- What must not be stopped half-way goes into a shield; the time is over after it.
local function shielded()
  print "a shield:"
  local in_time <const> = lull.move_on_after(0.05, function()
    print("  " .. lull.shield(work, "the transfer", 0.1))
    lull.sleep(10)
  end)
  print("  in time: " .. tostring(in_time))
end

local function main()
  local started <const> = lull.now()
  raising()
  moving_on()
  reaching_down()
  nested()
  shielded()
  print(("that took %.2f seconds"):format(lull.now() - started))
end

lull.run(main)
