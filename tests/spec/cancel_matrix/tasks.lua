--- The cancel matrix's rows of waits for time, for tasks and for futures.
---
--- A row is { title, op, make }: `op` is the name of the op type.  make() sets the stage, in the
--- task of the test, and returns
---
---   wait      the call that waits, for a task of its own.  It calls the function it is given, if
---             any, right before the wait proper.
---   complete  makes the wait end well.  Does not suspend.
---   deliver   in its place where the end cannot be had at once: deliver(start) starts the waiter
---             and suspends until the op has ended and its task has not run yet.
---   finish    in the place of `complete` where that has to suspend.
---   leave     what the waiter does once the wait has returned (releases what it acquired).
---   arrange   called when the waiter waits: brings it into the phase the row is about.
---   release   called after a cancellation that only takes effect when something else happens.
---   partial   ends the wait in the loop's eyes, not in the caller's: it has to wait on.
---   ready     makes the wait find its result at once.
---   intact    checks that no wait has happened: nothing was taken or done.
---   usable    checks that others can go on using what was waited for.
---   close     closes that; who waits gets `closed`.  closing() makes another stage for it.
---   alone     only one may wait.
---   over      whatever must be ended.
---
--- `columns` of a row, where there is one, names the only columns that make sense.
--- `virtual`: its tests run in virtual time, in which nobody is late.

local lull = require "lull"
local testing = require "lull.testing"

return function(support)
  local go, ends = support.go, support.ends
  local assert = support.assert or assert -- busted's, in specs

  local function gone(task)
    ends("cancelled", task)
  end

  --- A stage around a future: wait(future) waits for it.
  local function on_future(wait, more)
    return function()
      local future = lull.future()
      local stage = more and more(future) or {}
      stage.wait = function(before)
        if before then before() end
        return wait(future)
      end
      stage.complete = stage.complete or function() future:try_set("value") end
      stage.usable = stage.usable or function()
        future:try_set("value")
        assert.are.equal("value", future:await())
      end
      return stage
    end
  end

  --- A group whose end waits for what start(fn) makes call fn later.
  local function beating(start)
    return function()
      local called = false
      return {
        wait = function(before)
          return lull.group(function()
            start(function() called = true end)
            if before then before() end
            if before then lull.yield() end
          end)
        end,
        finish = function() lull.sleep(0.12) end,
        usable = function()
          lull.sleep(0.11)
          assert.is_false(called)
        end,
      }
    end
  end

  --- The wait ends when a task inside it has ended: one step after the future is set.
  local function through_a_task(future)
    return {
      deliver = function(start)
        start()
        testing.settle()
        future:set("value")
        lull.yield()
      end,
    }
  end

  local function adopting(call)
    return function()
      local future, child = lull.future(), nil
      return {
        wait = function(before)
          child = go(lull.sleep_forever)
          if before then before() end
          return call(future, child)
        end,
        complete = function() future:try_set("value") end,
        -- what was adopted has been cancelled and joined, the future has not
        usable = function()
          gone(child)
          future:try_set("value")
          assert.are.equal("value", future:await())
        end,
      }
    end
  end

  local rows = {
    { "sleep", "sleep", function()
      return {
        wait = function(before)
          if before then before() end
          return lull.sleep(0.1)
        end,
        deliver = function(start)
          -- the same deadline for both, this task's first: so both are due at once
          local at = lull.now() + 0.02
          start(function() lull.sleep_until(at) end)
          lull.sleep_until(at)
        end,
        finish = function() lull.sleep(0.11) end,
      }
    end, virtual = true },
    { "sleep_until", "sleep_until", function()
      local at = lull.now() + 0.1
      return {
        wait = function(before)
          if before then before() end
          return lull.sleep_until(at)
        end,
        finish = function() lull.sleep_until(at + 0.01) end,
      }
    end, virtual = true },
    { "after", "after", beating(function(fn) lull.after(0.1, fn) end), virtual = true },
    { "every", "every", beating(function(fn)
      local beat
      beat = lull.every(0.1, function()
        fn()
        beat:cancel()
      end)
    end), virtual = true },
    { "sleep_forever", "sleep_forever", function()
      return {
        wait = function(before)
          if before then before() end
          return lull.sleep_forever()
        end,
      }
    end },
    { "yield", "yield", function()
      return {
        wait = function(before)
          if before then before() end
          return lull.yield()
        end,
        deliver = function(start)
          start()
          lull.yield()
        end,
      }
    end, columns = { before = true, completed = true } },
    { "settle", "settle", function()
      local busy = true
      return {
        wait = function(before)
          if before then before() end
          return testing.settle()
        end,
        arrange = function() go(function() while busy do lull.yield() end end) end,
        finish = function()
          busy = false
          lull.sleep(0.005)
        end,
        deliver = function(start)
          start()
          testing.settle()
        end,
        usable = function()
          busy = false
          testing.settle()
        end,
        over = function() busy = false end,
        turns = true,
      }
    end },
    { "await a future", "await", on_future(function(future) return future:await() end) },
    { "await a task", "await", function()
      local future = lull.future()
      local task = go(function() return future:await() end)
      return {
        wait = function(before)
          if before then before() end
          return task:await()
        end,
        deliver = function(start)
          start()
          testing.settle()
          future:set("value")
          lull.yield()
        end,
        finish = function()
          future:try_set("value")
          task:join()
        end,
        usable = function()
          assert.are.equal("pending", task:status()) -- cancelling an awaiter is no more than that
          future:set("value")
          assert.are.equal("value", task:await())
        end,
        over = function() future:try_set("value") end,
      }
    end },
    { "join a task", "join", function()
      local future = lull.future()
      local task = go(function() return future:await() end)
      return {
        wait = function(before)
          if before then before() end
          return task:join()
        end,
        deliver = function(start)
          start()
          testing.settle()
          future:set("value")
          lull.yield()
        end,
        finish = function()
          future:try_set("value")
          task:join()
        end,
        usable = function()
          assert.are.equal("pending", task:status())
          future:set("value")
          ends("done", task)
        end,
        over = function() future:try_set("value") end,
      }
    end },
    { "the end of a group", "join", function()
      local future, child = lull.future(), nil
      return {
        wait = function(before)
          return lull.group(function(group)
            child = group:spawn(function() return future:await() end)
            if before then before() end
            if before then lull.yield() end -- joining is no checkpoint
          end)
        end,
        deliver = through_a_task(future).deliver,
        finish = function()
          future:try_set("value")
          testing.settle()
        end,
        usable = function()
          if child then gone(child) end
        end,
      }
    end },
    { "the end of a task's body", "join", function()
      local future, child = lull.future(), nil
      return {
        wait = function(before)
          if before then before() end
          return go(function() child = lull.spawn(function() return future:await() end) end):await()
        end,
        finish = function() future:try_set("value") end,
        usable = function()
          if child then child:cancel() gone(child) end
        end,
      }
    end },
    { "gather of a future", "gather", on_future(function(future) return lull.gather(future) end) },
    { "gather with a limit", "gather", function()
      local future, first = lull.future(), lull.future()
      return {
        wait = function(before)
          if before then before() end
          return lull.gather({ function() first:await() end, future }, { limit = 1 })
        end,
        partial = function(start)
          start()
          testing.settle()
          first:set()
          lull.yield()
        end,
        finish = function()
          first:try_set()
          future:try_set("value")
        end,
        usable = function()
          first:try_set()
          future:try_set("value")
          assert.are.equal("value", future:await())
        end,
        over = function()
          first:try_set()
          future:try_set("value")
        end,
      }
    end },
    { "gather that adopts", "gather", adopting(function(future, child) return lull.gather(future, child) end),
      columns = { waiting = true } },
    { "race", "race", on_future(function(future) return lull.race(future, lull.future()) end) },
    { "race that adopts", "race", adopting(function(future, child) return lull.race(future, child) end),
      columns = { waiting = true } },
    { "race, joining those who lost", "race", function()
      local future, gate = lull.future(), lull.future()
      return {
        wait = function(before)
          if before then before() end
          return lull.race(future, function()
            local _ <close> = lull.finally(function() gate:await() end)
            lull.sleep_forever()
          end)
        end,
        arrange = function()
          future:try_set("value")
          testing.settle()
        end,
        -- it cannot be left before those who lost have ended
        release = function() gate:try_set() end,
        finish = function()
          future:try_set("value")
          gate:try_set()
        end,
        over = function() gate:try_set() end,
        joining = true,
      }
    end, columns = { joined = true, forced = true } },
    { "run", "run", on_future(function(future)
      return lull.run(function() return future:await() end)
    end, through_a_task) },
    { "wait", "wait", on_future(function(future) return lull.wait { future } end) },
    { "wait for the first", "wait", on_future(function(future)
      return lull.wait({ future, lull.future() }, { when = "first", timeout = 1000 })
    end) },
    { "as_completed", "as_completed", on_future(function(future)
      return (lull.as_completed { future }())
    end) },
    { "as_completed, one iterator for all", "as_completed", function()
      local future, other = lull.future(), lull.future()
      local iterate = lull.as_completed { future, other }
      return {
        wait = function(before)
          if before then before() end
          return assert(iterate(), "the iterator ended")
        end,
        complete = function() future:try_set("value") end,
        intact = function() assert.are.equal(future, iterate()) end,
        usable = function()
          other:set("other")
          assert.are.equal(other, iterate())
        end,
        alone = true,
      }
    end },
    { "group.start", "group.start", function()
      local future, child = lull.future(), nil
      return {
        wait = function(before)
          return lull.group(function(group)
            if before then before() end
            return group:start(function(ready)
              child = lull.current()
              ready(future:await())
            end)
          end)
        end,
        finish = function() future:try_set("value") end,
        usable = function()
          if child then gone(child) end
        end,
      }
    end },
    { "require", "require", function()
      local future, name = lull.future(), "cancel_matrix.module"
      package.loaded[name] = nil
      package.preload[name] = function() return future:await() end
      local loader = go(require, name)
      testing.settle()
      return {
        wait = function(before)
          if before then before() end
          return require(name)
        end,
        deliver = function(start)
          start()
          testing.settle()
          future:set("value")
          lull.yield()
        end,
        finish = function()
          future:try_set("value")
          loader:join()
        end,
        usable = function()
          future:set("value")
          assert.are.equal("value", (loader:await()))
          assert.are.equal("value", (require(name)))
        end,
        over = function()
          future:try_set("value")
          loader:join()
          package.loaded[name], package.preload[name] = nil, nil
        end,
      }
    end },
  }
  return rows
end
