--- The cancel matrix's rows of lull.worker.native; tasks.lua says what is in a row.

local lull = require "lull"
local worker = require "lull.worker"

return function()
  --- A call that takes a while over there; every column that makes sense has a pool of its own.
  local function make()
    local pool = worker.pool(2)
    local function call(fn)
      return pool:call(fn)
    end
    local function slow()
      require("lull").sleep(0.02)
      return "value"
    end
    return {
      wait = function(before)
        if before then before() end
        if call(slow) ~= "value" then error "not what the worker returned" end
      end,
      finish = function() lull.sleep(0.05) end,
      turns = true, -- it may be over any time
      usable = function()
        if call(slow) ~= "value" then error "the pool is of no use any more" end
      end,
      close = function() pool:close() end,
      over = function() pool:close() end,
    }
  end

  return {
    { "a worker's call", "worker.call", make, columns = {
      before = true, waiting = true, expired = true, shielded = true, twice = true, closed = true,
      closing = true,
    } },
  }
end
