--- The cancel matrix's rows of lull.process and lull.signal; tasks.lua says what is in a row.

local lull = require "lull"
local process = require "lull.process"
local signal = require "lull.signal"

return function()
  return {
    { "wait for a process", "process.wait", function()
      local p = process.open({ "cat" }, { stdout = "null", stderr = "null" })
      return {
        wait = function(before)
          if before then before() end
          assert(p:wait() == 0)
        end,
        finish = function()
          p.stdin:close()
          repeat lull.sleep(0.001) until p:status()
        end,
        turns = true, -- it ends when the system says so
        close = function() p:close() end,
        usable = function()
          p.stdin:close()
          assert(p:wait() == 0)
        end,
        over = function() p:close() end,
      }
    end },
    { "run", "process.wait", function()
      return {
        wait = function(before)
          if before then before() end
          assert(process.run({ "sleep", "0.03" }).code == 0)
        end,
        finish = function() lull.sleep(0.06) end,
        turns = true,
        usable = function() assert(process.run({ "true" }).code == 0) end,
      }
    end, columns = { before = true, waiting = true, expired = true, shielded = true } },
    { "wait for a signal", "signal.wait", function()
      local listener = signal.listen "USR2"
      local function send()
        process.run { "kill", "-USR2", tostring(process.pid()) }
      end
      return {
        wait = function(before)
          if before then before() end
          return listener:wait()
        end,
        finish = send,
        ready = send,
        intact = function() assert(listener:wait() == "USR2") end,
        usable = function()
          send()
          assert(listener:wait() == "USR2")
        end,
        close = function() listener:close() end,
        over = function() listener:close() end,
        alone = true,
      }
    end },
  }
end
