--- compat_clients_spec.lua: Debian's LuaSocket and LuaSec clients, as they are, on lull's streams.

local lull = require "lull"
local net = require "lull.net"
local socket = require "lull.compat.socket"

local here <const> = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local support <const> = dofile(here .. "support.lua")

--- A module that is not lull's; nil and a pending test without it.
local function peer(name, package_name)
  local ok <const>, module <const> = pcall(require, name)
  if ok then return module end
  pending("needs " .. package_name)
end

--- Run fn(port) with a server whose handler is given a stream.
local function with_server(handler, fn, tls)
  local server <close> = net.serve({ port = 0, tls = tls }, handler)
  return fn(server.port)
end

--- Read a request: its first line, its headers and its body.
local function read_request(stream)
  local first <const> = stream:read_until "\r\n"
  local headers <const> = {}
  for line in function() return stream:read_until "\r\n" end do
    local name <const>, value <const> = line:match "^(.-):%s*(.-)\r\n$"
    if not name then break end
    headers[name:lower()] = value
  end
  local size <const> = tonumber(headers["content-length"])
  return first, headers, size and size > 0 and stream:read_exact(size) or ""
end

local function respond(stream, status, body, headers)
  stream:write("HTTP/1.1 ", status, "\r\n", headers or "", "Content-Length: ", #body,
    "\r\nConnection: close\r\n\r\n", body)
end

describe("socket.http", function()
  local http
  before_each(function() http = peer("socket.http", "lua-socket") end)

  it("gets a page", function()
    if not http then return end
    local seen
    with_server(function(stream)
      seen = read_request(stream)
      respond(stream, "200 OK", "the page", "X-Odd: 1\r\n")
    end, function(port)
      local body <const>, status <const>, headers <const> =
        http.request(("http://127.0.0.1:%d/x?y=1"):format(port))
      assert.are.same({ "the page", 200 }, { body, status })
      assert.are.equal("1", headers["x-odd"])
      assert.are.equal("GET /x?y=1 HTTP/1.1\r\n", seen)
    end)
  end)

  it("posts through a source, and takes chunks into a sink", function()
    if not http then return end
    local ltn12 <const> = require "ltn12"
    with_server(function(stream)
      local _, _, body <const> = read_request(stream)
      stream:write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
      for i = 1, #body, 1000 do
        local piece <const> = body:sub(i, i + 999)
        stream:write(("%x\r\n%s\r\n"):format(#piece, piece))
        lull.yield()
      end
      stream:write "0\r\n\r\n"
    end, function(port)
      local sent <const>, got <const> = ("abcdefg"):rep(20000), {}
      local ok <const>, status <const> = http.request {
        url = ("http://127.0.0.1:%d/"):format(port),
        method = "POST",
        headers = { ["content-length"] = #sent },
        source = ltn12.source.string(sent),
        sink = ltn12.sink.table(got),
      }
      assert.are.same({ 1, 200 }, { ok, status })
      assert.is_true(table.concat(got) == sent)
    end)
  end)

  it("follows a redirection, and reads a body that ends with the connection", function()
    if not http then return end
    with_server(function(stream)
      local first <const> = read_request(stream)
      if first:find("/there", 1, true) then
        stream:write("HTTP/1.1 200 OK\r\n\r\n", "there")
      else
        respond(stream, "302 Found", "", "Location: /there\r\n")
      end
    end, function(port)
      local body <const>, status <const> = http.request(("http://127.0.0.1:%d/here"):format(port))
      assert.are.same({ "there", 200 }, { body, status })
    end)
  end)

  it("fetches two pages at a time: the first is answered when the second was asked for", function()
    if not http then return end
    local second_asked <const> = lull.future()
    with_server(function(stream)
      local first <const> = read_request(stream)
      if first:find("/first", 1, true) then
        second_asked:await()
      else
        second_asked:set()
      end
      respond(stream, "200 OK", first:match "/%a+")
    end, function(port)
      local function get(path)
        return (http.request(("http://localhost:%d%s"):format(port, path)))
      end
      local one <const>, two <const> = lull.gather(function() return get "/first" end,
        function() return get "/second" end)
      assert.are.same({ "/first", "/second" }, { one, two })
    end)
  end)

  it("tells a refused connection, and a server that says nothing", function()
    if not http then return end
    local port
    do
      local listener <close> = net.listen { port = 0 }
      port = listener.port
    end
    assert.are.same({ nil, "connection refused" }, { http.request("http://127.0.0.1:" .. port) })
    with_server(function(stream)
      read_request(stream)
      lull.sleep_forever()
    end, function(own_port)
      http.TIMEOUT = 0.02
      local ok <const>, message <const> = http.request("http://127.0.0.1:" .. own_port)
      http.TIMEOUT = 60
      assert.are.same({ nil, "timeout" }, { ok, message })
    end)
  end)

  it("is cancelled, and closes its connection", function()
    if not http then return end
    local asked <const>, closed <const> = lull.future(), lull.future()
    with_server(function(stream)
      read_request(stream)
      asked:set()
      closed:set(stream:read_some())
    end, function(port)
      local task <const> = lull.async(http.request)("http://127.0.0.1:" .. port)
      asked:await()
      task:cancel()
      assert.are.equal("cancelled", task:join())
      collectgarbage()
      collectgarbage()
      assert.is_nil(closed:await())
    end)
  end)
end)

describe("socket.smtp", function()
  it("sends a message", function()
    local smtp <const> = peer("socket.smtp", "lua-socket")
    if not smtp then return end
    local commands <const>, lines <const> = {}, {}
    local replies <const> = { EHLO = "250-here\r\n250 SIZE", DATA = "354 go on", QUIT = "221 bye" }
    local function take_message(stream)
      for line in function() return stream:read "L" end do
        if line == ".\r\n" then break end
        lines[#lines + 1] = line:gsub("^%.", "")
      end
      stream:write "250 taken\r\n"
    end
    with_server(function(stream)
      stream:write "220 ready\r\n"
      for line in stream:lines() do
        local command <const> = line:match "^%a+"
        commands[#commands + 1] = command
        stream:write(replies[command] or "250 fine", "\r\n")
        if command == "DATA" then take_message(stream) end
      end
    end, function(port)
      local ok <const>, message <const> = smtp.send {
        from = "<a@example.org>", rcpt = { "<b@example.org>", "<c@example.org>" },
        server = "127.0.0.1", port = port,
        source = smtp.message { headers = { subject = "Test" }, body = "first\r\n.hidden dot\r\n" },
      }
      assert.are.equal(1, ok, message)
    end)
    assert.are.same({ "EHLO", "MAIL", "RCPT", "RCPT", "DATA", "QUIT" }, commands)
    local text <const> = table.concat(lines)
    assert.truthy(text:lower():find("subject: test\r\n", 1, true))
    assert.truthy(text:find("first\r\n.hidden dot\r\n", 1, true))
  end)
end)

describe("socket.ftp", function()
  it("gets a file over its data connection", function()
    local ftp <const> = peer("socket.ftp", "lua-socket")
    if not ftp then return end
    local body <const> = ("line of a file\n"):rep(10000)
    local listener <close> = net.listen { port = 0 }
    local high <const>, low <const> = listener.port // 256, listener.port % 256
    local passive <const> = ("227 here (127,0,0,1,%d,%d)"):format(high, low)
    local extended <const> = ("229 here (|||%d|)"):format(listener.port)
    local replies <const> = {
      USER = "331 password", PASS = "230 in", PASV = passive, EPSV = extended, RETR = "150 coming",
      QUIT = "221 bye",
    }
    with_server(function(stream)
      stream:write "220 ready\r\n"
      for line in stream:lines() do
        local command <const> = line:match "^%a+":upper()
        stream:write(replies[command] or "200 fine", "\r\n")
        if command == "RETR" then
          local data <const> = listener:accept()
          data:write(body)
          data:shutdown()
          data:close()
          stream:write "226 over\r\n"
        end
      end
    end, function(port)
      local got <const>, message <const> = ftp.get(("ftp://127.0.0.1:%d/file;type=i"):format(port))
      assert.is_true(got == body, message)
    end)
  end)
end)

describe("ltn12", function()
  it("pumps from one socket to another", function()
    local ltn12 <const> = peer("ltn12", "lua-socket")
    if not ltn12 then return end
    local text <const> = ("0123456789"):rep(50000)
    local got <const> = lull.future()
    with_server(function(stream)
      stream:write(text)
      stream:close()
    end, function(from_port)
      with_server(function(stream) got:set(stream:read "a") end, function(to_port)
        local source <const> = socket.source(socket.connect("127.0.0.1", from_port))
        local sink <const> = socket.sink("close-when-done", socket.connect("127.0.0.1", to_port))
        assert.are.equal(1, ltn12.pump.all(source, sink))
        assert.is_true(got:await() == text)
      end)
    end)
  end)
end)

describe("ssl", function()
  local folder, cert, key

  setup(function()
    folder = io.popen("mktemp -d"):read "l"
    cert, key = folder .. "/cert.pem", folder .. "/key.pem"
    os.execute(("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
      .. "-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 "
      .. "-keyout '%s' -out '%s' 2>/dev/null"):format(key, cert))
  end)
  teardown(function() os.execute(("rm -r '%s'"):format(folder)) end)

  --- A socket that is connected to a TLS server, before its handshake.
  local function with_echo(fn)
    with_server(function(stream)
      for line in stream:lines "L" do stream:write(line) end
    end, function(port)
      local sock <const> = assert(socket.connect("localhost", port))
      fn(sock)
    end, { cert = cert, key = key })
  end

  local function wrapped(sock, params)
    local ssl <const> = require "ssl"
    params.mode = "client"
    local conn <const>, message <const> = ssl.wrap(sock, params)
    assert.truthy(conn, message)
    return conn
  end

  it("wraps a socket whose peer is verified", function()
    with_echo(function(sock)
      local conn <const> = wrapped(sock, { protocol = "any", verify = "peer", cafile = cert })
      assert.are.equal(-1, sock:getfd())
      conn:sni "localhost"
      conn:settimeout(5)
      assert.are.same({ true }, { conn:dohandshake() })
      assert.is_true((conn:getpeerverification()))
      assert.truthy(conn:info "protocol":find "^TLSv1%.[23]$")
      assert.are.equal(64, #conn:getpeercertificate():digest "sha256")
      conn:send "over TLS\n"
      assert.are.equal("over TLS", conn:receive())
      conn:close()
      assert.are.same({ nil, "closed", "" }, { conn:receive() })
    end)
  end)

  it("refuses a peer that is not known", function()
    with_echo(function(sock)
      local conn <const> = wrapped(sock, { verify = { "peer", "fail_if_no_peer_cert" } })
      local ok <const>, message <const> = conn:dohandshake()
      assert.is_false(ok)
      assert.truthy(message:find "certificate")
    end)
  end)

  it("keeps to a version", function()
    with_echo(function(sock)
      local conn <const> = wrapped(sock, { protocol = "tlsv1_2" })
      assert.is_true(conn:dohandshake())
      assert.are.equal("TLSv1.2", conn:info "protocol")
      conn:close()
    end)
  end)

  it("waits no longer than it may", function()
    with_server(function() lull.sleep_forever() end, function(port)
      local conn <const> = wrapped(assert(socket.connect("127.0.0.1", port)), {})
      conn:settimeout(0.02)
      assert.are.same({ false, "timeout" }, { conn:dohandshake() })
      conn:close()
    end)
  end)

  it("refuses wrong parameters and bytes before the handshake", function()
    local ssl <const> = require "ssl"
    assert.is_nil((ssl.newcontext { mode = "client", protocol = "sslv3" }))
    assert.is_nil((ssl.newcontext { mode = "sideways" }))
    with_server(function(stream)
      stream:write "220 injected\r\n"
      stream:read_some()
    end, function(port)
      local sock <const> = socket.connect("127.0.0.1", port)
      socket.select({ sock }, nil, 5)
      local conn <const>, message <const> = ssl.wrap(sock, { mode = "client" })
      assert.is_nil(conn)
      assert.truthy(message:find "before the handshake")
      sock:close()
    end)
  end)

  it("serves", function()
    local ssl <const> = require "ssl"
    local server <const> = socket.bind("127.0.0.1", 0)
    local context <const> = ssl.newcontext { mode = "server", certificate = cert, key = key }
    local serving <const> = support.started(function()
      local conn <const> = ssl.wrap(server:accept(), context)
      assert(conn:dohandshake())
      conn:send("you said " .. conn:receive() .. "\n")
      conn:close()
    end)
    local _, port <const> = server:getsockname()
    local sock <const> = socket.connect("127.0.0.1", port)
    local conn <const> = wrapped(sock, { verify = "peer", cafile = cert })
    assert.is_true(conn:dohandshake())
    conn:send "hello\n"
    assert.are.equal("you said hello", conn:receive())
    serving:await()
    conn:close()
    server:close()
  end)

  it("is what ssl.https and socket.http use", function()
    local https <const> = peer("ssl.https", "lua-sec")
    if not https then return end
    local http <const> = require "socket.http"
    with_server(function(stream)
      local first <const> = read_request(stream)
      respond(stream, "200 OK", "secret of " .. first:match "/%a+")
    end, function(port)
      local url <const> = ("https://localhost:%d/%s")
      local one <const>, two <const> = lull.gather(
        function() return table.pack(https.request(url:format(port, "a"))) end,
        function() return table.pack(http.request(url:format(port, "b"))) end)
      assert.are.same({ "secret of /a", 200 }, { one[1], one[2] })
      assert.are.same({ "secret of /b", 200 }, { two[1], two[2] })
    end, { cert = cert, key = key })
  end)
end)
