--- http_server_websocket_spec.lua: requests that become WebSockets.  What sockets do is in the specs
--- of lull.websocket.

local lull = require "lull"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_serve.lua")
local has_websocket <const>, websocket = pcall(require, "lull.websocket")
local serve, get = support.serve, support.get

local HANDSHAKE <const> = "Host: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
  .. "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

local function echo(req)
  local socket <const> = req:websocket()
  for message in socket:messages() do socket:send(message) end
end

local function connect(server)
  return websocket.connect(("ws://127.0.0.1:%d/path"):format(server.port))
end

describe("a request that becomes a WebSocket", function()
  local function test(name, fn)
    it(name, function()
      if not has_websocket then return pending "needs lull.websocket" end
      fn()
    end)
  end

  test("is one until one side closes it", function()
    local server <close> = serve(echo)
    local socket <const> = connect(server)
    socket:send "one"
    assert.are.equal("one", (socket:recv()))
    socket:close()
  end)

  test("is still a request", function()
    local server <close> = serve(function(req)
      local socket <const> = req:websocket()
      socket:send(req.path .. " " .. req.headers.upgrade:lower())
    end)
    local socket <const> = connect(server)
    assert.are.equal("/path websocket", (socket:recv()))
    socket:close()
  end)

  test("is closed when its handler returns", function()
    local server <close> = serve(function(req) req:websocket() end)
    local socket <const> = connect(server)
    support.raises("closed", socket.recv, socket)
    assert.are.equal(1000, socket.close_code)
  end)

  test("is closed when its handler fails, and that is reported", function()
    local server <close> = serve(function(req)
      req:websocket()
      error "handler"
    end)
    local errors <const> = support.reported(function()
      local socket <const> = connect(server)
      assert.is_false(pcall(socket.recv, socket))
    end)
    assert.are.equal(1, #errors)
  end)

  for what, frame in pairs {
    ["a message too long"] = "\x82\xfe\4\0\0\0\0\0x",
    ["what is no frame"] = "\x83\x80\0\0\0\0",
    ["silence"] = "",
  } do
    test("ends with " .. what .. ": nothing to report", function()
      local server <close> = serve(function(req)
        local socket <const> =
          req:websocket { max_message = 1000, ping_interval = 0.01, ping_timeout = 0.01 }
        for _ in socket:messages() do error "there is none" end
      end)
      local errors <const> = support.reported(function()
        local c <close> = support.client(server)
        c:send("GET / HTTP/1.1\r\n" .. HANDSHAKE .. frame)
        assert.are.equal(101, c:response().status)
        pcall(c.stream.read, c.stream, "a")
        c:close()
        server:drain()
      end)
      assert.are.same({}, errors)
    end)
  end

  test("is told when the server drains", function()
    local server <close> = serve(echo)
    local socket <const> = connect(server)
    local draining <const> = support.go(server.drain, server, 20)
    support.raises("closed", socket.recv, socket)
    assert.are.equal(1001, socket.close_code)
    support.ends("done", draining)
  end)

  test("is refused with 426 where it asks for no such thing", function()
    local server <close> = serve(echo)
    local response <const> = get(server)
    assert.are.equal(426, response.status)
    assert.are.equal("websocket", response.headers.upgrade:lower())
    assert.are.equal("Upgrade", response.headers.connection)
  end)

  test("is refused with 426 in HTTP/1.0, which has no Upgrade", function()
    local server <close> = serve(echo)
    local c <close> = support.client(server)
    c:send("GET / HTTP/1.0\r\n" .. HANDSHAKE)
    assert.are.equal(426, c:response().status)
  end)

  test("is refused with 400 without a key", function()
    local server <close> = serve(echo)
    local response <const> = get(server, "/",
      "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n")
    assert.are.equal(400, response.status)
  end)

  test("has what the client sent at once", function()
    local server <close> = serve(function(req)
      local message
      lull.timeout(20, function() message = req:websocket():recv() end)
      assert(message == "hi")
    end)
    local c <close> = support.client(server)
    local frame <const> = "\x81\x82\0\0\0\0hi"
    c:send("GET / HTTP/1.1\r\n" .. HANDSHAKE .. frame)
    local response <const> = c:response()
    assert.are.equal(101, response.status)
    assert.are.equal("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", response.headers["sec-websocket-accept"])
    assert.are.equal("\x88\x02\x03\xe8", c.stream:read_exact(4))
  end)
end)
