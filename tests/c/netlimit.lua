--- netlimit.lua: what netlimit_test.c runs, by name, each in a runtime with that limit.
local lull = require "lull"
local net = require "lull.net"
local testing = require "lull.testing"

local function raises(kind, fn, ...)
  local ok, e = pcall(fn, ...)
  assert(not ok, "it did not raise")
  if not lull.is_error(e, kind) then error(("expected %s, got %s"):format(kind, tostring(e)), 2) end
  return e
end

--- Read to the end, however it comes; how many bytes that were.
local function drain(stream)
  local count = 0
  for piece in stream:chunks(8192) do count = count + #piece end
  return count
end

--- Write pieces until it raises; what was accepted.
local function fill(stream, size)
  local piece, accepted = ("x"):rep(size), 0
  while true do
    local ok, e = pcall(stream.write, stream, piece)
    if not ok then return accepted, e end
    accepted = accepted + size
  end
end

--- The files of a certificate for 127.0.0.1 and localhost.
local function certificate()
  local base = os.tmpname()
  local command = ("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost "
    .. "-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout %s.key -out %s.crt 2>/dev/null")
  assert(os.execute(command:format(base, base)), "openssl made no certificate")
  local files = { cert = base .. ".crt", key = base .. ".key" }
  return files, lull.finally(function()
    for _, path in ipairs { base, files.cert, files.key } do os.remove(path) end
  end)
end

local limits = {}

limits["files of io are handles"] = function()
  local openers <const> = {
    function() return assert(io.open "tests/c/netlimit.lua") end,
    function() return (select(4, io.lines "tests/c/netlimit.lua")) end,
    io.tmpfile,
    function() return assert(io.popen "true") end,
  }
  for _, open in ipairs(openers) do
    local files <const> = { open(), open(), open() }
    local ok <const>, e <const> = pcall(open)
    assert(not ok and lull.is_error(e, "limit"), tostring(e))
    for _, file in ipairs(files) do assert(file:close()) end
    open():close()
  end
  local file <const> = assert(io.popen "exit 3")
  assert(select(3, file:close()) == 3)
  assert(not pcall(file.read, file))
end

limits["handles are counted"] = function()
  local a, b = net.pair()
  local e = raises("limit", net.pair)
  assert(e.op == "net.pair")
  raises("limit", net.pair)
  a:close()
  local c, d = net.pair()
  raises("limit", net.connect, "127.0.0.1", 1)
  raises("limit", net.listen, {})
  raises("limit", net.udp)
  b:close()
  c:write "x"
  assert(d:read_some() == "x")
end

limits["a listener waits until there may be one more"] = function()
  local listener <close> = net.listen { port = 0 }
  local a <close> = net.connect("127.0.0.1", listener.port)
  local one = listener:accept()
  local b <close> = net.connect("127.0.0.1", listener.port)
  local c <close> = net.connect("127.0.0.1", listener.port)
  local accepting = lull.async(listener.accept)(listener)
  lull.wait({ accepting }, { timeout = 0.3 })
  assert(accepting:status() == "pending")
  one:close()
  local two <close> = accepting:await()
  b:write "hello"
  assert(two:read_exact(5) == "hello")
  assert(a and c)
end

limits["a server serves more clients than it may have handles"] = function()
  local served = 0
  local server <close> = net.serve({ port = 0 }, function(stream)
    served = served + 1
    stream:write(stream:read "l", "\n")
  end)
  local function visit(i)
    local stream <close> = net.connect("127.0.0.1", server.port)
    stream:write(i, "\n")
    assert(stream:read "l" == tostring(i))
  end
  local list = {}
  for i = 1, 12 do list[i] = i end
  lull.map(list, visit, { limit = 3 })
  assert(served == 12)
end

limits["what a flood brings stays with the system"] = function()
  local a, b = net.pair { high_water = 8192 }
  local total = 0
  local flooding = lull.async(function()
    local piece = ("x"):rep(4000)
    for _ = 1, 250 do
      a:write(piece)
      total = total + #piece
    end
    a:shutdown()
  end)()
  raises("limit", b.read, b, "l")
  raises("limit", b.read_until, b, "\n")
  raises("limit", b.read_exact, b, 100000)
  local first = b:read_some(10)
  assert(first == ("x"):rep(10))
  assert(drain(b) + 10 == 1000000)
  flooding:await()
  assert(total == 1000000)
end

limits["a part of a line is not lost"] = function()
  local a, b = net.pair()
  a:write(("a"):rep(9000))
  a:write(("b"):rep(9000), "\nnext\n")
  a:shutdown()
  raises("limit", b.read, b, "l")
  local all = {}
  for piece in b:chunks(100) do all[#all + 1] = piece end
  assert(table.concat(all) == ("a"):rep(9000) .. ("b"):rep(9000) .. "\nnext\n")
end

limits["a writer is told when the peer takes nothing"] = function()
  local a, b <close> = net.pair { high_water = 1 << 20 }
  local accepted, e = fill(a, 10000)
  assert(lull.is_error(e, "limit") and e.op == "stream.write", tostring(e))
  local reading = lull.async(drain)(b)
  a:flush()
  a:write "and more"
  a:close()
  assert(reading:await() == accepted + 8)
end

limits["a write that can never be queued sends nothing"] = function()
  local a, b = net.pair()
  raises("limit", a.write, a, ("x"):rep(100000))
  a:write "small"
  assert(b:read_some() == "small")
end

limits["streams share what may be held"] = function()
  local readers, writers = {}, {}
  for i = 1, 20 do writers[i], readers[i] = net.pair() end
  local failed = 0
  for i = 1, 20 do writers[i]:write(("x"):rep(7000)) end
  for i = 1, 20 do
    local got = lull.async(pcall)(readers[i].read, readers[i], "l")
    testing.settle()
    if got:status() ~= "pending" then failed = failed + 1 end
    got:cancel()
  end
  assert(failed == 12, failed) -- eight of 8 KiB fit
  for i = 1, 20 do
    writers[i]:close()
    assert(drain(readers[i]) == 7000)
    readers[i]:close()
  end
end

limits["TLS is read and written within the limit"] = function()
  local files, _ <close> = certificate()
  local stream ---@type lull.net.Stream
  local there, over = lull.future(), lull.future()
  local server <close> = net.serve({ port = 0, tls = files, high_water = 1 << 20 }, function(s)
    there:set(s)
    over:await()
  end)
  local options = { tls = { ca_file = files.cert }, high_water = 1 << 20 }
  local client = net.connect("localhost", server.port, options)
  stream = there:await()
  local accepted, e = fill(client, 50000)
  assert(lull.is_error(e, "limit"), tostring(e))
  local writing = lull.async(function()
    client:flush()
    client:write "and more"
    client:shutdown() -- the other side has sent what nobody has read: closing would reset
  end)()
  raises("limit", stream.read, stream, "l")
  assert(drain(stream) == accepted + 8)
  writing:await()
  over:set()
  client:close()
end

limits["there may be so many TLS connections"] = function()
  local files, _ <close> = certificate()
  local server <close> = net.serve({ port = 0, tls = files }, function(s) s:read "a" end)
  local streams, failure = {}, nil
  for i = 1, 10 do
    local ok, s = pcall(net.connect, "localhost", server.port, { tls = { ca_file = files.cert } })
    if not ok then
      failure = s
      break
    end
    streams[i] = s
  end
  assert(#streams == 2 and failure, #streams) -- both ends count, and there are handshakes
  for _, s in ipairs(streams) do s:close() end
end

local function serve(handler)
  return require "lull.http".serve({ port = 0 }, handler)
end

local function address(server)
  return ("http://127.0.0.1:%d/"):format(server.port)
end

--- Send a body piece by piece.
local function pieces(count, size)
  local piece, left = ("x"):rep(size), count
  return function()
    left = left - 1
    return left >= 0 and piece or nil
  end
end

limits["a body that is too long is refused"] = function()
  local http = require "lull.http"
  local server <close> = serve(function(req)
    if req.method == "POST" then return tostring(#req:body()) end
    return pieces(100, 10000)
  end)
  raises("limit", http.get, address(server))
  assert(http.post(address(server), { body = ("x"):rep(50000) }).body == "50000")
  local ok, res = pcall(http.post, address(server), { body = pieces(100, 10000) })
  assert(not ok or res.status >= 400)
  assert(http.post(address(server), { body = "again" }).body == "5")
end

limits["a streamed body arrives"] = function()
  local http = require "lull.http"
  local server <close> = serve(function(req)
    if req.method == "POST" then
      local count = 0
      for piece in function() return req:read_some() end do count = count + #piece end
      return tostring(count)
    end
    return pieces(300, 10000)
  end)
  local res <close> = http.get(address(server), { stream = true })
  local count = 0
  for piece in function() return res:read_some() end do
    count = count + #piece
    lull.yield()
  end
  assert(count == 3000000, count)
  assert(http.post(address(server), { body = pieces(300, 10000) }).body == "3000000")
end

limits["a response that is too long is the handler's error"] = function()
  local http = require "lull.http"
  local reported
  lull.on_error(function(e) reported = e end)
  local server <close> = serve(function(req)
    return req.path == "/" and ("x"):rep(400000) or "small"
  end)
  assert(not pcall(http.get, address(server)))
  assert(lull.is_error(reported, "limit"), tostring(reported))
  assert(http.get(address(server) .. "small").body == "small")
end

limits["messages of a WebSocket are limited"] = function()
  local ws = require "lull.websocket"
  local got = {}
  local server <close> = serve(function(req)
    local sock = req:websocket()
    while true do
      local ok, message = pcall(sock.recv, sock)
      got[#got + 1] = ok and #message or message
      if not ok then return end
    end
  end)
  local sock <close> = ws.connect("ws" .. address(server):sub(5))
  sock:send "small"
  raises("limit", sock.send, sock, ("x"):rep(300000))
  sock:send "still"
  sock:send(("x"):rep(60000))
  for _ = 1, 50 do sock:ping() end
  for _ = 1, 10000 do
    if got[3] then break end
    lull.sleep(0.001)
  end
  assert(got[1] == 5 and got[2] == 5 and got[3] == 60000, tostring(got[2]))
end

limits["there may be so many compressors"] = function()
  local compress = require "lull.compress"
  local list, failure = {}, nil
  for i = 1, 100 do
    local ok, c = pcall(compress.new, "gzip")
    if not ok then
      failure = c
      break
    end
    list[i] = c
  end
  assert(lull.is_error(failure, "limit"), tostring(failure))
  assert(#list == 8)
  for _, c in ipairs(list) do c:close() end
end

limits["closing gives everything back"] = function()
  for _ = 1, 3 do
    local a, b = net.pair()
    a:write(("x"):rep(100000))
    local reading = lull.async(b.read)(b, "l")
    lull.sleep(0.01)
    reading:cancel()
    reading:join()
    a:abort()
    b:abort()
  end
  local a, b = net.pair { high_water = 1 << 20 }
  a:write(("x"):rep(500000))
  a:close() -- goes on in the background
  b:close()
end

return limits[...]()
