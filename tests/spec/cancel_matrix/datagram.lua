--- The cancel matrix's rows of datagrams and of name look-ups; tasks.lua says what is in a row.

local dns = require "lull.dns"
local lull = require "lull"
local net = require "lull.net"
local testing = require "lull.testing"

return function(support)
  local go = support.go
  local assert = support.assert or assert -- busted's, in specs

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

  --- A stage around a socket that receives, and one that sends to it.
  local function receiving(call)
    return function()
      local a, b = net.udp { host = "127.0.0.1" }, net.udp { host = "127.0.0.1" }
      local function send() a:send("x", "127.0.0.1", b.port) end
      return {
        wait = function(before)
          if before then before() end
          return assert(call(b))
        end,
        finish = send,
        ready = send,
        intact = function() assert.are.equal("x", (b:recv())) end,
        usable = function()
          send()
          assert.are.equal("x", (b:recv()))
        end,
        deliver = by_poll(send),
        close = function() b:close() end,
        over = function()
          a:close()
          b:close()
        end,
      }
    end
  end

  --- A Unix socket whose receiver has no room: open(path) is what sends.
  local function sending(open)
    return function()
      local path, file = support.socket_path()
      local receiver = net.udp { path = path }
      local sender, to = open(path)
      --- Take all there is.
      local function drain()
        for _ = 1, 8 do
          while receiver:try_recv() do end
          testing.settle()
        end
      end
      repeat until not lull.move_on_after(0.005, sender.send, sender, "filling", to)
      return {
        wait = function(before)
          if before then before() end
          return sender:send("mine", to)
        end,
        finish = drain,
        usable = function()
          drain()
          sender:send("mine", to)
          assert.are.equal("mine", (receiver:recv()))
        end,
        close = function() sender:close() end,
        over = function()
          sender:close()
          receiver:close()
          if file then getmetatable(file).__close() end
        end,
      }
    end
  end

  --- A look-up that the system makes; how long it takes is nobody's to say.
  local function asking(call)
    return function()
      return {
        wait = function(before)
          if before then before() end
          return call()
        end,
        finish = function() lull.sleep(0.01) end,
        turns = true, -- it may be over any time
        usable = function() pcall(call) end,
      }
    end
  end

  local may_be_over <const> = { before = true, shielded = true, twice = true }

  return {
    { "recv", "udp.recv", receiving(function(socket) return socket:recv() end) },
    { "messages", "udp.recv", receiving(function(socket) return socket:messages()() end),
      columns = { before = true, waiting = true, completed = true, early = true, expired = true,
        shielded = true, shared = true, twice = true, eager = true } },
    { "send, tried again and again", "udp.send", sending(function(path)
      return net.udp { path = "" }, path
    end) },
    { "send, connected", "udp.send", sending(function(path)
      return net.udp { connect = { path } }
    end) },
    { "resolve", "dns.resolve", asking(function()
      return pcall(dns.resolve, "host.invalid", { fresh = true })
    end), columns = may_be_over },
    { "reverse", "dns.reverse", asking(function()
      return pcall(dns.reverse, "127.0.0.1", { fresh = true })
    end), columns = may_be_over },
  }
end
