--- The cancel matrix's rows of lull.net; tasks.lua says what is in a row.

local lull = require "lull"
local native = require "lull.net.native"
local net = require "lull.net"
local testing = require "lull.testing"

return function(support)
  local go, ends = support.go, support.ends
  local assert = support.assert or assert -- busted's, in specs

  --- Read everything, until the end of whatever kind.
  local function drain(stream)
    go(pcall, function()
      while stream:read_some() do end
    end)
  end

  --- Start the waiter; one poll then finds ready first what this task waits for, then what the
  --- waiter waits for: cause() is what makes that so.
  local function by_poll(cause)
    return function(start)
      start()
      testing.settle()
      local p, q <close> = net.pair()
      local _ <close> = p
      go(function()
        q:write("x")
        cause()
      end)
      net.wait_readable(p:fd())
    end
  end

  local function pair_stage(opts)
    local s, t = net.pair(opts)
    return s, t, {
      close = function() s:close() end,
      over = function()
        s:abort()
        t:abort()
      end,
    }
  end

  local function reading(call, bytes)
    return function()
      local s, t, stage = pair_stage()
      local function send() t:write(bytes) end
      stage.wait = function(before)
        if before then before() end
        return call(s)
      end
      stage.finish = send
      stage.ready = send
      stage.intact = function() assert.are.equal(bytes, s:read_exact(#bytes)) end
      stage.usable = function()
        t:write(bytes)
        assert.are.equal(bytes, s:read_exact(#bytes))
      end
      stage.deliver = by_poll(send)
      if #bytes > 1 then stage.partial = by_poll(function() t:write(bytes:sub(1, 1)) end) end
      stage.partial_intact = function()
        t:write(bytes:sub(2))
        assert.are.equal(bytes, s:read_exact(#bytes))
      end
      stage.alone = true
      return stage
    end
  end

  local SIZE <const> = 4 * 1024 * 1024 -- more than the buffers between two sockets

  --- A stream with so much unsent that everything waits; call(s) is what the waiter does.
  local function writing(call, opts, unsent)
    return function()
      local s, t, stage = pair_stage(opts)
      local task = go(pcall, s.write, s, ("x"):rep(SIZE))
      lull.yield()
      if task:status() == "pending" and unsent then
        task:cancel()
        task:join()
      end
      stage.wait = function(before)
        if before then before() end
        return call(s)
      end
      stage.finish = function() drain(t) end
      stage.usable = function()
        t:read_exact(SIZE)
        ends(unsent and task:status() or "done", task)
        go(pcall, function()
          s:write("more")
          s:shutdown()
        end)
        assert.are.equal("more", t:read("a"))
      end
      return stage
    end
  end

  --- A port on which nobody answers.
  local function silent()
    local listener = native.listen("127.0.0.1", 0, { backlog = 1 })
    local _, port = listener:sockname()
    local filling = {}
    for i = 1, 16 do
      filling[i] = go(native.connect, "127.0.0.1", port)
      testing.settle()
      lull.sleep(0.002)
      if filling[i]:status() == "pending" then break end
    end
    return port, function()
      listener:close()
      for _, task in ipairs(filling) do
        task:cancel()
        if task:join() == "done" then task:result():close() end
      end
    end
  end

  return {
    { "read a line", "stream.read", reading(function(s) return s:read("L") end, "line\n") },
    { "read_some", "stream.read", reading(function(s) return s:read_some() end, "x") },
    { "read_exact", "stream.read", reading(function(s) return s:read_exact(5) end, "bytes") },
    { "lines", "stream.read", reading(function(s) return s:lines("L")() end, "line\n") },
    { "write, for the peer", "stream.write", function()
      local s, t, stage = pair_stage()
      stage.wait = function(before)
        if before then before() end
        return s:write(("x"):rep(SIZE))
      end
      stage.finish = function() drain(t) end
      return stage
    end },
    { "write, before it is accepted", "stream.write", writing(function(s)
      return s:write("mine")
    end, nil, true) },
    { "write, in line", "stream.write", writing(function(s) return s:write("mine") end) },
    { "write, in line, given the pen", "stream.write", function()
      local s, t, stage = pair_stage()
      local first = go(pcall, s.write, s, ("x"):rep(SIZE))
      lull.yield()
      stage.wait = function(before)
        if before then before() end
        return s:write("mine")
      end
      stage.partial = function(start)
        start()
        testing.settle()
        first:cancel() -- the pen goes on; there is much before it can be used
      end
      stage.partial_intact = function()
        t:read_exact(SIZE)
        go(pcall, function()
          s:write("more")
          s:shutdown()
        end)
        assert.are.equal("more", t:read("a"))
      end
      return stage
    end, columns = { partial = true, forced = true } },
    { "flush", "stream.flush", writing(function(s) return s:flush() end, { high_water = 16 * SIZE }) },
    { "shutdown", "stream.shutdown", writing(function(s)
      return s:shutdown()
    end, { high_water = 16 * SIZE }) },
    { "shutdown, in line", "stream.shutdown", writing(function(s) return s:shutdown() end) },
    { "accept", "listener.accept", function()
      local listener = native.listen("127.0.0.1", 0)
      local _, port = listener:sockname()
      local clients = {}
      local function connect() clients[#clients + 1] = native.connect("127.0.0.1", port) end
      return {
        wait = function(before)
          if before then before() end
          local stream <close> = listener:accept()
          return assert(stream)
        end,
        finish = connect,
        deliver = by_poll(connect),
        ready = connect,
        usable = function()
          connect()
          local stream <close> = listener:accept()
          assert.is_truthy(stream)
        end,
        close = function() listener:close() end,
        over = function()
          listener:close()
          for _, client in ipairs(clients) do client:close() end
        end,
      }
    end },
    { "connect", "tcp.connect", function()
      local port, over = silent()
      return {
        wait = function(before)
          if before then before() end
          return net.connect("127.0.0.1", port)
        end,
        over = over,
      }
    end },
    { "connect, connected", "tcp.connect", function()
      local listener = native.listen("127.0.0.1", 0)
      local _, port = listener:sockname()
      return {
        wait = function()
          local stream <close> = net.connect("127.0.0.1", port)
          return assert(stream)
        end,
        deliver = function(start)
          local p, q <close> = net.pair()
          local _ <close> = p
          go(function() q:write("x") end)
          start()
          net.wait_readable(p:fd())
        end,
        over = function() listener:close() end,
      }
    end, columns = { completed = true } },
    { "connect_unix, the listener busy", "unix.connect", function()
      local path, file = support.socket_path()
      local listener = net.listen { path = path, backlog = 1 }
      local filling = {}
      for i = 1, 16 do
        local stream = native.connect_unix(path)
        if not stream then break end
        filling[i] = stream
      end
      return {
        wait = function(before)
          if before then before() end
          local stream <close> = net.connect_unix(path)
          return assert(stream)
        end,
        finish = function()
          go(pcall, function()
            while true do listener:accept():close() end
          end)
        end,
        usable = function()
          listener:accept():close()
          net.connect_unix(path):close()
        end,
        over = function()
          listener:close()
          for _, stream in ipairs(filling) do stream:close() end
          if file then getmetatable(file).__close() end
        end,
      }
    end },
    { "wait_readable", "net.wait_readable", function()
      local s, t, stage = pair_stage()
      stage.wait = function(before)
        if before then before() end
        return net.wait_readable(s:fd())
      end
      stage.finish = function() t:write("x") end
      stage.deliver = by_poll(function() t:write("x") end)
      stage.usable = function()
        t:write("x")
        net.wait_readable(s:fd())
        assert.are.equal("x", s:read_some())
      end
      stage.close = nil
      return stage
    end },
    { "wait_writable", "net.wait_writable", function()
      local s, t, stage = pair_stage()
      local task = go(pcall, s.write, s, ("x"):rep(SIZE))
      lull.yield()
      task:cancel()
      task:join()
      stage.wait = function(before)
        if before then before() end
        return net.wait_writable(s:fd())
      end
      stage.finish = function() drain(t) end
      stage.usable = function()
        stage.finish()
        net.wait_writable(s:fd())
      end
      stage.close = nil
      return stage
    end },
  }
end
