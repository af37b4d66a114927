--- The cancel matrix's rows of lull.sync and lull.select; tasks.lua says what is in a row.

local lull = require "lull"
local testing = require "lull.testing"
local sync = lull.sync

return function(support)
  local go, ends = support.go, support.ends
  local assert = support.assert or assert -- busted's, in specs

  --- A lock that this task holds; call(lock) is what the waiter does.
  local function locked(call, leave)
    return function()
      local lock = sync.lock()
      lock:acquire()
      local held = true
      local function release()
        if held then lock:release() end
        held = false
      end
      return {
        wait = function(before)
          if before then before() end
          return call(lock)
        end,
        leave = leave and function() lock:release() end,
        complete = release,
        ready = release,
        intact = function() assert.is_false(lock:locked()) end,
        usable = function()
          release()
          ends("done", go(lock.with, lock, function() end))
        end,
        closing = function()
          local broken, die = sync.lock(), sync.event()
          go(function()
            broken:acquire()
            die:wait()
          end)
          lull.yield()
          return { wait = function() return call(broken) end, close = function() die:set() end }
        end,
        over = release,
      }
    end
  end

  local function semaphore(call)
    return function()
      local sem = sync.semaphore(0)
      return {
        wait = function(before)
          if before then before() end
          return call(sem)
        end,
        complete = function() sem:release() end,
        ready = function() sem:release() end,
        intact = function() assert.are.equal(1, sem:value()) end,
        usable = function()
          sem:release()
          ends("done", go(sem.acquire, sem))
          assert.are.equal(0, sem:value())
        end,
      }
    end
  end

  --- Waiting in a condition; with `phase` 2 for the lock after the notification.
  local function condition(phase)
    return function()
      local lock = sync.lock()
      local cond = sync.condition(lock)
      local held = false
      local function release()
        if held then lock:release() end
        held = false
      end
      local function notify()
        lock:acquire()
        cond:notify()
        held = true
      end
      local function wait(before)
        return cond:with(function()
          if before then before() end
          local _ <close> = setmetatable({}, { __close = function()
            assert(lock:locked(), "the lock is not held after the wait")
          end })
          cond:wait()
        end)
      end
      return {
        wait = wait,
        arrange = phase == 2 and notify or nil,
        release = phase == 2 and release or nil,
        complete = function()
          if phase == 1 then notify() end
          release()
        end,
        usable = function()
          release()
          local other = go(wait)
          testing.settle()
          notify()
          release()
          ends("done", other)
          assert.is_false(lock:locked())
        end,
        closing = function()
          local die, fails = sync.event(), nil
          return {
            wait = wait,
            close = function()
              fails = go(function()
                lock:acquire()
                die:wait()
              end)
              lull.yield()
              die:set()
              ends("done", fails)
            end,
          }
        end,
        over = release,
        delays = phase == 2,
      }
    end
  end

  return {
    { "event.wait", "event.wait", function()
      local event = sync.event()
      return {
        wait = function(before)
          if before then before() end
          return event:wait()
        end,
        complete = function() event:set() end,
        ready = function() event:set() end,
        usable = function()
          local other = go(event.wait, event)
          lull.yield()
          event:set()
          ends("done", other)
        end,
      }
    end },
    { "lock.acquire", "lock.acquire", locked(function(lock) return lock:acquire() end, true) },
    { "lock.with", "lock.with", locked(function(lock) return lock:with(function() end) end) },
    { "lock.hold", "lock.hold", locked(function(lock) local _ <close> = lock:hold() end) },
    { "semaphore.acquire", "semaphore.acquire", semaphore(function(sem) return sem:acquire() end) },
    { "semaphore.with", "semaphore.with", semaphore(function(sem)
      sem:with(function() end)
      sem:acquire() -- it takes a place for good, as acquire does
    end), columns = {
      before = true, waiting = true, delayed = true, expired = true, shared = true, early = true,
    } },
    { "condition.wait, to be notified", "condition.wait", condition(1) },
    { "condition.wait, notified, for the lock", "condition.wait", condition(2), columns = {
      before = true, waiting = true, early = true, expired = true, shielded = true,
    } },
    { "condition.with", "condition.with", function()
      local lock = sync.lock()
      local cond = sync.condition(lock)
      lock:acquire()
      local held = true
      local function release()
        if held then lock:release() end
        held = false
      end
      return {
        wait = function(before)
          if before then before() end
          return cond:with(function() end)
        end,
        complete = release,
        ready = release,
        intact = function() assert.is_false(lock:locked()) end,
        usable = function()
          release()
          ends("done", go(cond.with, cond, function() end))
        end,
        over = release,
      }
    end },
    { "barrier.wait", "barrier.wait", function()
      local barrier = sync.barrier(2)
      return {
        wait = function(before)
          if before then before() end
          return barrier:wait()
        end,
        -- arrives, and does not wait if nobody has: the cancelled one does not count
        complete = function() go(barrier.wait, barrier) lull.yield() end,
        deliver = function(start)
          start()
          testing.settle()
          assert.are.equal(2, barrier:wait())
        end,
        usable = function()
          local other = go(barrier.wait, barrier)
          testing.settle()
          assert.are.equal("pending", other:status())
          assert.are.equal(2, barrier:wait())
          assert.are.equal(1, other:await())
        end,
        close = function() barrier:abort() end,
        over = function() barrier:abort() end,
      }
    end, columns = {
      before = true, waiting = true, completed = true, expired = true, closed = true, forced = true,
      twice = true,
    } },
    { "queue.put", "queue.put", function()
      local queue = sync.queue(1)
      queue:put("first")
      return {
        wait = function(before)
          if before then before() end
          return queue:put("mine")
        end,
        complete = function() queue:try_get() end,
        ready = function() queue:try_get() end,
        intact = function() assert.are.equal(0, queue:size()) end,
        usable = function()
          assert.are.equal("first", queue:get())
          assert.is_true(queue:try_put("other"))
          assert.are.equal("other", queue:get())
        end,
        close = function() queue:close() end,
      }
    end },
    { "queue.get", "queue.get", function()
      local queue = sync.queue()
      return {
        wait = function(before)
          if before then before() end
          return queue:get()
        end,
        complete = function() queue:put("item") end,
        ready = function() queue:put("item") end,
        intact = function() assert.are.equal("item", queue:try_get()) end,
        usable = function()
          queue:put("other")
          assert.are.equal("other", queue:get())
        end,
        close = function() queue:close() end,
      }
    end },
    { "queue.items", "queue.get", function()
      local queue = sync.queue()
      return {
        wait = function(before)
          if before then before() end
          return (queue:items()())
        end,
        complete = function() queue:put("item") end,
        ready = function() queue:put("item") end,
        intact = function() assert.are.equal("item", queue:try_get()) end,
      }
    end },
    { "queue.join", "queue.join", function()
      local queue = sync.queue()
      queue:put("item")
      local function done()
        if queue:try_get() then queue:task_done() end
      end
      return {
        wait = function(before)
          if before then before() end
          return queue:join()
        end,
        complete = done,
        ready = done,
        usable = function()
          done()
          queue:join()
        end,
      }
    end },
    { "channel.send", "channel.send", function()
      local channel = sync.channel()
      return {
        wait = function(before)
          if before then before() end
          return channel:send("mine")
        end,
        complete = function() channel:try_recv() end,
        intact = function() assert.is_nil(channel:try_recv()) end,
        usable = function()
          assert.is_nil(channel:try_recv())
          local other = go(channel.send, channel, "other")
          assert.are.equal("other", channel:recv())
          ends("done", other)
        end,
        close = function() channel:close() end,
      }
    end },
    { "channel.recv", "channel.recv", function()
      local channel = sync.channel(1)
      return {
        wait = function(before)
          if before then before() end
          return channel:recv()
        end,
        complete = function() channel:try_send("item") end,
        ready = function() channel:try_send("item") end,
        intact = function() assert.are.equal("item", channel:try_recv()) end,
        usable = function()
          assert.is_true(channel:try_send("other"))
          assert.are.equal("other", channel:recv())
        end,
        close = function() channel:close() end,
      }
    end },
    { "select, receiving", "select", function()
      local one, two = sync.channel(1), sync.channel()
      return {
        wait = function(before)
          if before then before() end
          return lull.select { { two, "send", "mine" }, { one, "recv" }, timeout = 1000 }
        end,
        complete = function() one:try_send("item") end,
        ready = function() one:try_send("item") end,
        intact = function()
          assert.are.equal("item", one:try_recv())
          assert.is_nil(two:try_recv())
        end,
        usable = function()
          assert.is_nil(two:try_recv())
          assert.is_true(one:try_send("other"))
          assert.are.equal("other", one:recv())
        end,
        close = function() two:close() end,
      }
    end },
    { "select, sending", "select", function()
      local one, two = sync.channel(), sync.channel()
      return {
        wait = function(before)
          if before then before() end
          return lull.select { { two, "recv" }, { one, "send", "mine" } }
        end,
        complete = function() one:try_recv() end,
        intact = function()
          assert.is_nil(one:try_recv())
          assert.is_false(two:try_send("lost"))
        end,
        close = function() one:close() end,
      }
    end },
  }
end
