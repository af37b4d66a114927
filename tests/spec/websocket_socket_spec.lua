--- websocket_socket_spec.lua: what a script does with a socket: both ways, pings, many tasks.

local lull = require "lull"
local testing = require "lull.testing"
local websocket = require "lull.websocket"
local here = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local support = dofile(here .. "support_ws.lua")
local f, go, raises, ends = support.f, support.go, support.raises, support.ends

describe("a socket", function()
  it("sends and receives both ways, text and binary", function()
    local client, server, _ <close> = support.sockets()
    assert.are.equal(client, client:send "hello")
    client:send_binary "\0\xff"
    server:send "from the server"
    assert.are.same({ "hello", "text" }, { server:recv() })
    assert.are.same({ "\0\xff", "binary" }, { server:recv() })
    assert.are.same({ "from the server", "text" }, { client:recv() })
  end)
  it("keeps messages apart that come together", function()
    local sock, far, _ <close> = support.raw "client"
    local frames = {}
    for i = 1, 1000 do frames[i] = support.frame(f.text("message " .. i)) end
    far:write(table.concat(frames))
    for i = 1, 1000 do assert.are.equal("message " .. i, (sock:recv())) end
  end)
  it("lets others run while messages are there", function()
    local sock, far, _ <close> = support.raw "client"
    far:write((support.frame(f.text "x")):rep(2000))
    local turns, receiving = 0, true
    local other = go(function()
      while receiving do
        turns = turns + 1
        lull.yield()
      end
    end)
    for _ = 1, 2000 do sock:recv() end
    receiving = false
    other:await()
    assert.is_true(turns > 10)
  end)
  it("knows who is at the other end, and says what it is", function()
    local client, server, _ <close> = support.sockets()
    local host, port = client:peer()
    assert.are.equal("127.0.0.1", host)
    assert.is_truthy(tostring(client):find("websocket (127.0.0.1:" .. port .. ")", 1, true))
    assert.are.equal("127.0.0.1", (server:peer()))
    assert.is_nil(client.protocol)
    assert.is_false(client.closed)
    assert.is_nil(client.close_code)
    go(pcall, server.recv, server)
    client:close()
    assert.are.equal("websocket (closed)", tostring(client))
  end)
  it("has one receiver at a time", function()
    local client, server, _ <close> = support.sockets()
    local first = go(client.recv, client)
    testing.settle()
    raises("busy", client.recv, client)
    server:send "x"
    assert.are.equal("x", first:await())
    server:send "y"
    assert.are.equal("y", (client:recv()))
  end)
  it("loses no message to a receiver that is cancelled", function()
    local client, server, _ <close> = support.sockets()
    local first = go(client.recv, client)
    testing.settle()
    first:cancel()
    server:send "x"
    ends("cancelled", first)
    assert.are.equal("x", (client:recv()))
    assert.is_false(lull.move_on_after(0.001, client.recv, client))
    server:send "y"
    assert.are.equal("y", (client:recv()))
  end)
  it("is garbage like any other value", function()
    local far
    do
      local sock
      sock, far = support.raw "client"
      go(sock.send, sock, "x"):await()
    end
    collectgarbage()
    collectgarbage()
    assert.is_truthy(far:read "a")
    far:close()
  end)
end)

describe("a ping", function()
  it("is sent with what it is given", function()
    local sock, far, _ <close> = support.raw "server"
    assert.is_nil(sock:ping "data")
    sock:ping ""
    sock:ping()
    local frames = { support.read_frame(far), support.read_frame(far), support.read_frame(far) }
    for _, frame in ipairs(frames) do assert.are.equal(9, frame.opcode) end
    assert.are.equal("data", frames[1].payload)
    assert.are.equal("", frames[2].payload)
    assert.is_true(#frames[3].payload > 0)
  end)
  it("can be waited for", function()
    local client, server, _ <close> = support.sockets()
    local tasks = { go(pcall, client.recv, client), go(pcall, server.recv, server) }
    local seconds = client:ping("x", true)
    assert.is_true(seconds >= 0 and seconds < 50)
    assert.is_true(client:ping(nil, 20) >= 0)
    client:close()
    for _, task in ipairs(tasks) do task:await() end
  end)
  it("that is answered answers those before it", function()
    local sock, far, _ <close> = support.raw "client"
    local receiving = go(pcall, sock.recv, sock)
    local pings = {}
    for i = 1, 3 do pings[i] = go(sock.ping, sock, "p" .. i, true) end
    testing.settle()
    far:write(support.frame(f.pong "other"), support.frame(f.pong "p2"))
    ends("done", pings[1])
    ends("done", pings[2])
    assert.are.equal("pending", pings[3]:status())
    for _ = 1, 3 do support.read_frame(far) end
    far:close()
    ends("failed", pings[3])
    assert.are.equal("eof", pings[3]:error().kind)
    receiving:await()
  end)
  it("raises timeout when nothing comes, and can be cancelled", function()
    local sock, far, _ <close> = support.raw "client"
    raises("timeout", sock.ping, sock, "x", 0.001)
    local ping = go(sock.ping, sock, "x", true)
    testing.settle()
    ping:cancel()
    ends("cancelled", ping)
    far:write(support.frame(f.pong "x"), support.frame(f.text "y"))
    assert.are.equal("y", (sock:recv()))
  end)
  it("takes 125 bytes at most", function()
    local sock, far, _ <close> = support.raw "client"
    sock:ping(("x"):rep(125))
    assert.are.equal(125, #support.read_frame(far).payload)
    support.misuse(sock.ping, sock, ("x"):rep(126))
    support.misuse(sock.ping, sock, 1)
    support.misuse(sock.ping, sock, "x", "y")
    support.misuse(sock.ping, sock, "x", -1)
  end)
end)

describe("silence", function()
  local function virtual(fn)
    return function() testing.virtual_time(fn) end
  end

  it("is broken by a ping after ping_interval, and again", virtual(function()
    local sock, far, _ <close> = support.raw("client", { ping_interval = 30, ping_timeout = 20 })
    local receiving, start = go(sock.recv, sock), lull.now()
    for i = 1, 3 do
      assert.are.equal(9, support.read_frame(far).opcode)
      assert.are.equal(30 * i, math.floor(lull.now() - start + 0.5))
      far:write(support.frame(f.pong ""))
    end
    far:write(support.frame(f.text "at last"))
    assert.are.equal("at last", receiving:await())
  end))
  it("after a ping means that the peer is gone", virtual(function()
    local sock, far, _ <close> = support.raw("server", { ping_interval = 30, ping_timeout = 20 })
    local start = lull.now()
    local e = raises("timeout", sock.recv, sock)
    assert.are.equal(50, math.floor(lull.now() - start + 0.5))
    assert.is_truthy(e.message:find "20 s")
    assert.are.equal(1006, sock.close_code)
    assert.is_true(sock.closed)
    assert.are.equal(9, support.read_frame(far).opcode)
    raises("timeout", sock.recv, sock)
  end))
  it("is over with any byte", virtual(function()
    local sock, far, _ <close> = support.raw("client", { ping_interval = 30, ping_timeout = 20 })
    local receiving = go(sock.recv, sock)
    local bytes = support.frame(f.text "slow")
    for i = 1, #bytes do
      lull.sleep(45)
      far:write(bytes:sub(i, i))
    end
    assert.are.equal("slow", receiving:await())
  end))
  it("is noticed by who receives for short times only", function()
    local sock, far, _ <close> = support.raw("client", { ping_interval = 0.04, ping_timeout = 0.04 })
    local ended, ok, e
    repeat ended, ok, e = lull.move_on_after(0.01, pcall, sock.recv, sock) until ended
    assert.is_false(ok)
    assert.are.equal("timeout", e.kind)
    assert.are.equal(9, support.read_frame(far).opcode)
  end)
  it("is over with what came while nobody received", virtual(function()
    local sock, far, _ <close> = support.raw("client", { ping_interval = 10, ping_timeout = 10 })
    local receiving = go(sock.recv, sock)
    assert.are.equal(9, support.read_frame(far).opcode)
    receiving:cancel()
    receiving:join()
    lull.sleep(20)
    far:write(support.frame(f.pong ""), support.frame(f.text "x"))
    assert.are.equal("x", (sock:recv()))
  end))
  it("is nothing to wonder about when it is told so", virtual(function()
    local sock, far, _ <close> = support.raw("client", { ping_interval = false })
    local receiving = go(sock.recv, sock)
    lull.sleep(100000)
    assert.are.equal("pending", receiving:status())
    far:write(support.frame(f.text "x"))
    receiving:await()
  end))
  it("does not end a socket that nobody receives from", virtual(function()
    local sock, far, _ <close> = support.raw("client", { ping_interval = 1, ping_timeout = 1 })
    lull.sleep(1000)
    far:write(support.frame(f.text "x"))
    assert.are.equal("x", (sock:recv()))
  end))
end)

describe("many sockets", function()
  it("are served side by side", function()
    local server <close> = support.serve(nil, support.echo)
    lull.group(function(group)
      for i = 1, 30 do
        group:spawn(function()
          local sock <close> = websocket.connect(server.url)
          for k = 1, 20 do
            local message = ("%d from %d"):format(k, i)
            sock:send(message)
            assert(sock:recv() == message)
          end
        end)
      end
    end)
  end)
  it("can be closed by their server", function()
    local server = support.serve(nil, support.echo)
    local sock <close> = websocket.connect(server.url)
    local receiving = go(sock.recv, sock)
    testing.settle()
    server:close()
    ends("failed", receiving)
    assert.are.equal(1001, receiving:error().code)
  end)
end)

describe("wss", function()
  it("is the same over TLS", function()
    if not support.has "openssl" then return pending "needs openssl" end
    local dir <close> = support.temp_dir()
    local ca = support.authority(dir.path)
    local issued = ca:issue "localhost"
    local server <close> = require "lull.net".serve({
      tls = { cert = issued.cert, key = issued.key },
    }, function(stream)
      local sock <close> = support.upgrade(stream)
      support.echo(sock)
    end)
    local url = ("wss://localhost:%d/"):format(server.port)
    local sock <close> = websocket.connect(url, { tls = { ca_file = ca.file } })
    for _, size in ipairs { 0, 10, 100000, 5000000 } do
      local message = ("x"):rep(size)
      local sending = go(sock.send, sock, message)
      assert.is_true(sock:recv() == message)
      sending:await()
    end
    raises("tls", websocket.connect, url)
  end)
end)
