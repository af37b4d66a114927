--- The cancel matrix's rows of lull.websocket; tasks.lua says what is in a row.

local net = require "lull.net"
local options = require "lull.websocket.options"
local socket = require "lull.websocket.socket"
local testing = require "lull.testing"

return function(support)
  local go, ends = support.go, support.ends
  local assert = support.assert or assert -- busted's, in specs

  local SIZE <const> = 4 * 1024 * 1024 -- more than the buffers between two sockets
  local FRAME <const> = "\x81\x05hello"

  --- A client's socket, the raw stream at its other end, and a stage.
  local function make()
    local s, t = net.pair()
    local sock = socket.new(s, options.client({ ping_interval = false }, 1, "matrix"), {})
    return sock, t, {
      close = function() sock.native:close() end,
      over = function()
        sock.native:abort()
        t:abort()
      end,
    }
  end

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

  --- The payload of the next frame that the client has sent.
  local function read_payload(stream)
    local _, second = stream:read_exact(2):byte(1, 2)
    local length = second & 0x7f
    if length == 126 then length = string.unpack(">I2", stream:read_exact(2)) end
    if length == 127 then length = string.unpack(">I8", stream:read_exact(8)) end
    local key = { stream:read_exact(4):byte(1, 4) }
    local payload = stream:read_exact(length)
    if #payload > 100 then return payload end
    local at = -1
    return (payload:gsub(".", function(c)
      at = at + 1
      return string.char(c:byte() ~ key[at % 4 + 1])
    end))
  end

  --- So much is unsent that everything waits; the task that sent it has given up.
  local function stuff(sock)
    local task = go(sock.send_binary, sock, ("x"):rep(SIZE))
    testing.settle()
    task:cancel()
    task:join()
  end

  return {
    { "receive", "websocket.recv", function()
      local sock, t, stage = make()
      local function send() t:write(FRAME) end
      stage.wait = function(before)
        if before then before() end
        return sock:recv()
      end
      stage.finish = send
      stage.ready = send
      stage.intact = function() assert.are.equal("hello", (sock:recv())) end
      stage.usable = function()
        t:write(FRAME)
        assert.are.equal("hello", (sock:recv()))
      end
      stage.deliver = by_poll(send)
      stage.partial = by_poll(function() t:write(FRAME:sub(1, 3)) end)
      stage.partial_intact = function()
        t:write(FRAME:sub(4))
        assert.are.equal("hello", (sock:recv()))
      end
      stage.alone = true
      return stage
    end },
    { "receive, while the peer takes no pongs", "websocket.recv", function()
      local sock, t, stage = make()
      stuff(sock)
      go(pcall, t.write, t, ("\x89\x7d" .. ("p"):rep(125)):rep(700), FRAME)
      stage.wait = function(before)
        if before then before() end
        return sock:recv()
      end
      stage.finish = function() drain(t) end
      stage.usable = function()
        drain(t)
        assert.are.equal("hello", (sock:recv()))
      end
      stage.alone = true
      return stage
    end },
    { "send", "websocket.send", function()
      local sock, t, stage = make()
      stage.wait = function(before)
        if before then before() end
        return sock:send_binary(("x"):rep(SIZE))
      end
      stage.finish = function() drain(t) end
      return stage
    end },
    { "send, before it is accepted", "websocket.send", function()
      local sock, t, stage = make()
      stuff(sock)
      stage.wait = function(before)
        if before then before() end
        return sock:send("mine")
      end
      stage.finish = function() drain(t) end
      stage.usable = function()
        assert.are.equal(SIZE, #read_payload(t))
        local task = go(sock.send, sock, "more")
        assert.are.equal("more", read_payload(t))
        ends("done", task)
      end
      return stage
    end },
  }
end
