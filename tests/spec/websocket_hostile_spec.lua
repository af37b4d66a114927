--- websocket_hostile_spec.lua: peers that break off, flood, stall, or mean harm.

local lull = require "lull"
local net = require "lull.net"
local testing = require "lull.testing"
local websocket = require "lull.websocket"
local here = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local support = dofile(here .. "support_ws.lua")
local f, go, raises, ends = support.f, support.go, support.raises, support.ends

--- A socket of the role "server" over TCP, and the raw stream at its other end.
local function over_tcp(opts)
  local accepted = lull.future()
  local over = lull.future()
  local server = support.serve(opts, function(sock)
    accepted:set(sock)
    over:await()
  end)
  local far = net.connect("127.0.0.1", server.port)
  far:write("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    .. "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
  assert(far:read_until "\r\n\r\n")
  local sock = accepted:await()
  return sock, far, setmetatable({}, { __close = function()
    sock.native:abort()
    far:abort()
    over:try_set()
    server:close()
  end })
end

describe("a peer that resets", function()
  local FRAME <const> = support.frame(f.text("hello", { mask = true }))

  for length = 0, #FRAME - 1 do
    it(("after %d bytes of a frame"):format(length), function()
      local sock, far, _ <close> = over_tcp()
      local receiving = go(sock.recv, sock)
      far:write(FRAME:sub(1, length))
      testing.settle()
      far:abort()
      ends("failed", receiving)
      assert.are.equal("io", receiving:error().kind)
      assert.are.equal(1006, sock.close_code)
    end)
  end
  it("after a message: it is received first", function()
    local sock, far, _ <close> = over_tcp()
    far:write(FRAME)
    assert.are.equal("hello", (sock:recv()))
    far:abort()
    raises("io", sock.recv, sock)
  end)
  it("while it is closed", function()
    local sock, far, _ <close> = over_tcp()
    local closing = go(sock.close, sock)
    testing.settle()
    far:abort()
    ends("done", closing)
    assert.are.equal(1006, sock.close_code)
  end)
  it("in the handshake: the server goes on", function()
    local errors = support.reported(function()
      local server <close> = support.serve(nil, support.echo)
      for _ = 1, 5 do
        local far = net.connect("127.0.0.1", server.port)
        far:write "GET / HTTP/1.1\r\nUpgrade: webso"
        far:abort()
      end
      local sock <close> = websocket.connect(server.url)
      sock:send "x"
      assert.are.equal("x", (sock:recv()))
    end)
    for _, e in ipairs(errors) do assert.is_truthy(lull.is_error(e)) end
  end)
end)

describe("a flood", function()
  it("of pings is answered at the pace at which the pongs are read", function()
    local sock, far, _ <close> = over_tcp()
    local receiving = go(sock.recv, sock)
    local ping = support.frame(f.ping(("x"):rep(125), { mask = true })):rep(1000)
    local sent = 0
    local flooding = go(pcall, function()
      for _ = 1, 400 do
        far:write(ping)
        sent = sent + 1
      end
    end)
    testing.settle()
    assert.are.equal("pending", flooding:status()) -- nobody reads the pongs: it is held up
    local pongs = 0
    while pongs < 400000 do
      local frame = support.read_frame(far)
      assert(frame.opcode == 10 and #frame.payload == 125)
      pongs = pongs + 1
      if pongs == 20000 then break end
    end
    assert.are.equal("pending", receiving:status())
    flooding:cancel()
    flooding:join()
    receiving:cancel()
    receiving:join()
  end)
  it("of pings whose pongs nobody takes ends as silence does", function()
    testing.virtual_time(function()
      local sock, far, _ <close> = support.raw("server", { ping_interval = 30, ping_timeout = 20 })
      local ping = support.frame(f.ping(("x"):rep(125), { mask = true })):rep(1000)
      local flooding = go(pcall, function()
        while true do far:write(ping) end
      end)
      local start = lull.now()
      raises("timeout", sock.recv, sock)
      assert.are.equal(50, math.floor(lull.now() - start + 0.5))
      flooding:await()
    end)
  end)
  it("of pongs, and of empty fragments, lets others run", function()
    for _, frames in ipairs {
      support.frame(f.pong("", { mask = true })):rep(200000),
      support.frame(f.text("", { fin = false, mask = true }))
        .. support.frame(f.continuation("", { fin = false, mask = true })):rep(200000),
    } do
      local sock, far, _ <close> = support.raw "server"
      local receiving = go(sock.recv, sock)
      local flooding = go(pcall, far.write, far, frames)
      local turns = 0
      while flooding:status() == "pending" do
        turns = turns + 1
        lull.yield()
      end
      assert.is_true(turns > 5)
      receiving:cancel()
      receiving:join()
    end
  end)
  it("of messages is not read ahead", function()
    local sock, far, _ <close> = over_tcp()
    local frame = support.frame(f.binary(("x"):rep(60000), { mask = true }))
    local flooding = go(pcall, far.write, far, frame:rep(500))
    assert.are.equal(60000, #sock:recv())
    testing.settle()
    assert.are.equal("pending", flooding:status())
    for _ = 2, 500 do assert.are.equal(60000, #sock:recv()) end
    flooding:await()
  end)
end)

describe("a peer that stalls", function()
  it("in the middle of a message is asked, and then gone", function()
    testing.virtual_time(function()
      local sock, far, _ <close> = support.raw("server", { ping_interval = 10, ping_timeout = 5 })
      far:write(support.frame(f.text("hello", { mask = true })):sub(1, 8))
      raises("timeout", sock.recv, sock)
    end)
  end)
  it("when it was told what it did wrong is cut off", function()
    testing.virtual_time(function()
      local sock, far, _ <close> = support.raw "server"
      local start = lull.now()
      far:write(support.frame(f.text("x", { mask = false })))
      local receiving = go(sock.recv, sock)
      assert.are.same({ "close:1002" }, support.answers(far))
      ends("failed", receiving)
      assert.are.equal("EPROTO", receiving:error().code)
      assert.is_true(lull.now() - start < 2)
      assert.is_nil(far:read_some())
    end)
  end)
  it("and never reads: what is sent waits, closing ends it all the same", function()
    local sock, far, _ <close> = over_tcp { close_timeout = 0.01 }
    local sending = go(sock.send_binary, sock, ("x"):rep(32 * 1024 * 1024))
    testing.settle()
    assert.are.equal("pending", sending:status())
    sock:close()
    ends("failed", sending)
    assert.are.equal("closed", sending:error().kind)
    assert.are.equal(1006, sock.close_code)
    far:close()
  end)
end)

describe("the peer that broke the rules", function()
  it("hears why, though it has sent much more", function()
    local sock, far, _ <close> = over_tcp { max_message = 1000 }
    local receiving = go(sock.recv, sock)
    go(pcall, far.write, far, support.frame(f.binary(("x"):rep(300000), { mask = true })))
    local frame = support.read_frame(far)
    assert.are.equal("\x03\xf1a message too long", frame.payload)
    far:shutdown()
    ends("failed", receiving)
    local e = receiving:error()
    assert.are.equal("limit", e.kind)
    assert.are.equal(1009, e.code)
  end)
  it("is told to a script as an error that says what it was", function()
    local sock, far, _ <close> = support.raw "client"
    far:write(support.frame { opcode = 3, payload = "" }):shutdown()
    local e = raises("io", sock.recv, sock)
    assert.are.equal("EPROTO", e.code)
    assert.are.equal("io: websocket: the peer sent a reserved opcode (EPROTO)", tostring(e))
    assert.are.equal(1002, sock.close_code)
    assert.are.equal("a reserved opcode", sock.close_reason)
    assert.are.equal(e, raises("io", sock.send, sock, "x"))
  end)
end)

describe("random bytes", function()
  it("never do harm", function()
    math.randomseed(42)
    for _, role in ipairs { "server", "client" } do
      for _ = 1, 300 do
        local sock, far, _ <close> = support.raw(role, { compress = true, max_message = 5000 })
        local parts = {}
        for i = 1, math.random(12) do
          local payload = require "lull.crypto".random(math.random(0, 200))
          local kind = math.random(4)
          if kind == 1 then
            parts[i] = payload
          else
            local opcodes = { 0, 1, 2, 8, 9, 10, math.random(0, 15) }
            parts[i] = support.frame {
              opcode = opcodes[math.random(#opcodes)], fin = math.random(3) > 1,
              rsv = math.random(5) == 1 and 4 or 0, mask = (role == "server") == (math.random(20) > 1),
              payload = kind == 2 and payload or ("text"):rep(math.random(0, 30)),
              length = math.random(30) == 1 and math.random(0, 1 << 40) or nil,
            }
          end
        end
        local echo = go(pcall, support.echo, sock)
        local bytes = table.concat(parts)
        local position = 1
        pcall(function()
          while position <= #bytes do
            local size = math.random(1, 100)
            far:write(bytes:sub(position, position + size - 1))
            position = position + size
            lull.yield()
          end
          far:shutdown()
          far:read "a"
        end)
        echo:await()
        assert.is_true(sock.closed)
      end
    end
  end)
end)
