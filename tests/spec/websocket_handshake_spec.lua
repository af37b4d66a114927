--- websocket_handshake_spec.lua: the upgrade, from both sides.

local handshake = require "lull.websocket.handshake"
local lull = require "lull"
local net = require "lull.net"
local options = require "lull.websocket.options"
local testing = require "lull.testing"
local websocket = require "lull.websocket"
local here = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local support = dofile(here .. "support_ws.lua")
local go, raises = support.go, support.raises

local KEY <const> = "dGhlIHNhbXBsZSBub25jZQ==" -- RFC 6455, section 1.3
local ACCEPT <const> = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

-- ---- the server's side ----

local function respond(changes, opts, method)
  local headers = {
    host = "example.com", upgrade = "websocket", connection = "Upgrade",
    ["sec-websocket-key"] = KEY, ["sec-websocket-version"] = "13",
  }
  for name, value in pairs(changes or {}) do headers[name] = value or nil end
  return handshake.respond(method or "GET", headers, options.server(opts, 1, "test"))
end

describe("a server", function()
  it("answers as the example of RFC 6455", function()
    local head, chosen =
      respond({ ["sec-websocket-protocol"] = "chat, superchat" }, { protocols = { "chat" } })
    assert.are.equal("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      .. "Sec-WebSocket-Accept: " .. ACCEPT .. "\r\nSec-WebSocket-Protocol: chat\r\n\r\n", head)
    assert.are.equal("chat", chosen.protocol)
  end)
  it("takes what browsers send", function()
    assert.is_string(respond { connection = "keep-alive, Upgrade", upgrade = "WebSocket" })
    assert.is_string(respond { upgrade = "foo, websocket" })
    assert.is_string(respond { ["content-length"] = "0" })
  end)

  local REFUSED <const> = {
    { "no Upgrade", { upgrade = false }, 426, "Upgrade" },
    { "another Upgrade", { upgrade = "h2c" }, 426, "Upgrade" },
    { "no Connection", { connection = false }, 426, "Upgrade" },
    { "another Connection", { connection = "keep-alive" }, 426, "Upgrade" },
    { "no version", { ["sec-websocket-version"] = false }, 426, "Upgrade", "Sec-WebSocket-Version" },
    { "another version", { ["sec-websocket-version"] = "8" }, 426, "Upgrade", "Sec-WebSocket-Version" },
    { "several versions", { ["sec-websocket-version"] = "13, 13" }, 426, "Upgrade",
      "Sec-WebSocket-Version" },
    { "no key", { ["sec-websocket-key"] = false }, 400 },
    { "a short key", { ["sec-websocket-key"] = "c2hvcnQ=" }, 400 },
    { "a key that is no base64", { ["sec-websocket-key"] = "!" .. KEY:sub(2) }, 400 },
    { "two keys", { ["sec-websocket-key"] = KEY .. ", " .. KEY }, 400 },
    { "no Host", { host = false }, 400 },
    { "a body", { ["content-length"] = "5" }, 400 },
    { "a chunked body", { ["transfer-encoding"] = "chunked" }, 400 },
    { "malformed protocols", { ["sec-websocket-protocol"] = "a b" }, 400 },
    { "malformed extensions", { ["sec-websocket-extensions"] = "a; ;" }, 400 },
    { "another origin", { origin = "https://evil.example" }, 403 },
    { "an opaque origin", { origin = "null" }, 403 },
  }
  for _, case in ipairs(REFUSED) do
    it(("refuses %s with %d"):format(case[1], case[3]), function()
      local head, status, message, fields = respond(case[2])
      assert.is_nil(head)
      assert.are.equal(case[3], status)
      assert.is_string(message)
      assert.are.equal(case[4], fields[1] and fields[1][1])
      assert.are.equal(case[5], fields[3] and fields[3][1])
    end)
  end
  it("refuses other methods with 405", function()
    local head, status, _, fields = respond({}, nil, "POST")
    assert.is_nil(head)
    assert.are.equal(405, status)
    assert.are.same({ "Allow", "GET" }, fields[1])
  end)

  it("takes pages of its own host, and who is no page", function()
    for _, pair in ipairs {
      { "http://example.com", "example.com" }, { "https://EXAMPLE.com", "example.com" },
      { "http://example.com", "example.com:80" }, { "https://example.com:443", "example.com" },
      { "http://app1", "app1:80" }, { "https://10.0.0.12", "10.0.0.12:443" },
      { "http://example.com:8080", "example.com:8080" }, { "http://[::1]:81", "[::1]:81" },
    } do
      assert.is_string((respond { origin = pair[1], host = pair[2] }), pair[1])
    end
    for _, pair in ipairs {
      { "http://example.com:8080", "example.com" }, { "http://example.com.evil", "example.com" },
      { "http://evil/example.com", "example.com" }, { "example.com", "example.com" },
      { "http://app:1", "app1" }, { "http://app1", "app:1" }, { "http://u@app", "app" },
      { "http://example.com:443", "example.com" }, { "https://example.com", "example.com:80" },
      { "ftp://example.com", "example.com" }, { "http://[::1]:81", "[::1]" },
    } do
      assert.are.equal(403, (select(2, respond { origin = pair[1], host = pair[2] })), pair[1])
    end
  end)
  it("takes pages of the origins it is told of", function()
    local opts = { origins = { "https://app.example", "http://localhost:3000" } }
    assert.is_string((respond({ origin = "https://app.example" }, opts)))
    assert.is_string((respond({ origin = "HTTP://localhost:3000" }, opts)))
    assert.is_string((respond({}, opts)))
    assert.are.equal(403, (select(2, respond({ origin = "http://example.com" }, opts))))
    assert.is_string((respond({ origin = "https://anything" }, { origins = { "*" } })))
  end)
  it("does not compute for long on lists that are long", function()
    local blanks = "a" .. (" "):rep(65000) .. "b"
    local before = os.clock()
    assert.are.equal(426, (select(2, respond { connection = blanks })))
    assert.are.equal(426, (select(2, respond { upgrade = blanks })))
    assert.are.equal(400, (select(2, respond { ["sec-websocket-protocol"] = blanks })))
    assert.are.equal(400, (select(2, respond { ["sec-websocket-extensions"] = blanks })))
    assert.is_true(os.clock() - before < 5)
  end)
  it("asks a function", function()
    local seen
    local function ask(origin, headers)
      seen = { origin, headers.host }
      return origin == "https://yes"
    end
    assert.is_string((respond({ origin = "https://yes" }, { origins = ask })))
    assert.are.same({ "https://yes", "example.com" }, seen)
    assert.are.equal(403, (select(2, respond({}, { origins = ask }))))
  end)
  it("prefers its own order of protocols", function()
    local function choose(mine, offered)
      return select(2, respond({ ["sec-websocket-protocol"] = offered }, { protocols = mine })).protocol
    end
    assert.are.equal("b", choose({ "b", "a" }, "a, b"))
    assert.are.equal("a", choose({ "c", "a" }, "a,b"))
    assert.is_nil(choose({ "c" }, "a, b"))
    assert.is_nil(choose(nil, "a, b"))
    assert.is_nil(choose({ "A" }, "a"))
  end)
end)

-- ---- the client's side ----

describe("a URL", function()
  local function parsed(url)
    local target = assert(handshake.parse_url(url))
    return ("%s %s %d %s %s"):format(target.secure and "wss" or "ws", target.host, target.port,
      target.authority, target.target)
  end

  it("says where to connect to", function()
    assert.are.equal("ws example.com 80 example.com /", parsed "ws://example.com")
    assert.are.equal("wss example.com 443 example.com /chat?x=1", parsed "WSS://example.com/chat?x=1")
    assert.are.equal("ws example.com 8080 example.com:8080 /?q", parsed "ws://example.com:8080?q")
    assert.are.equal("ws example.com 80 example.com /", parsed "ws://example.com:80/")
    assert.are.equal("ws ::1 81 [::1]:81 /", parsed "ws://[::1]:81/")
    assert.are.equal("ws 127.0.0.1 80 127.0.0.1 /", parsed "ws://127.0.0.1:")
  end)
  it("that is none is an argument error, before anything happens", function()
    for _, url in ipairs {
      "", "example.com", "http://example.com", "ws:/x", "ws://", "ws:///path", "ws://h#frag", "ws://h/#",
      "ws://user:secret@h/", "ws://h:0/", "ws://h:65536/", "ws://h:x/", "ws://h:123456/", "ws://a b/",
      "ws://h/a b", "ws://h/\r\nX: y", "ws://h/\0", "ws://h/\xc3\xa4", "ws://[::1/", "ws://[example]/",
    } do
      support.misuse(websocket.connect, url)
    end
    support.misuse(websocket.connect, 1)
    support.misuse(websocket.connect)
  end)
end)

describe("options that are wrong are argument errors:", function()
  for _, opts in ipairs {
    { unknown = 1 }, { headers = "x" }, { headers = { [1] = "x" } }, { headers = { ["a b"] = "x" } },
    { headers = { X = "a\r\nb" } }, { headers = { X = true } }, { headers = { Upgrade = "x" } },
    { headers = { ["Sec-WebSocket-Key"] = "x" } }, { headers = { ["content-length"] = "1" } },
    { protocols = "a" }, { protocols = { "a b" } }, { protocols = { "a", "a" } }, { protocols = { "" } },
    { origin = 1 }, { origin = "a\nb" }, { compress = 1 }, { compress = { unknown = 1 } },
    { compress = { level = 0 } }, { compress = { level = 10 } },
    { compress = { server_max_window_bits = 8 } },
    { compress = { client_max_window_bits = 16 } }, { compress = { threshold = -1 } },
    { max_message = 0 }, { max_message = 1.5 }, { max_frame = -1 }, { ping_interval = 0 },
    { ping_interval = "x" }, { ping_timeout = -1 }, { timeout = 0 / 0 }, { close_timeout = 0 },
  } do
    local key = next(opts)
    it(key, function() support.misuse(websocket.connect, "ws://127.0.0.1:1/", opts) end)
  end
  it("anything that is no table", function()
    support.misuse(websocket.connect, "ws://127.0.0.1:1/", 5)
  end)
end)

--- A server that reads a request's head and answers with this; `answer` may be a function of the
--- key.  Returns what connect does, and the head.
local function connect_to(answer, opts)
  local seen = {}
  local server <close> = net.serve({}, function(stream)
    seen.method, seen.target, seen.headers = support.read_head(stream)
    local text = answer
    if type(answer) == "function" then text = answer(seen.headers["sec-websocket-key"], stream) end
    if text then stream:write(text) end
    pcall(stream.read, stream, "a")
  end)
  local url = ("ws://127.0.0.1:%d/path?query"):format(server.port)
  local ok, result = pcall(websocket.connect, url, opts)
  if ok then result.native:close() end
  return ok, result, seen
end

--- A good answer, with lines changed or added.
local function answer(changes)
  return function(key)
    local lines = {
      status = "HTTP/1.1 101 Switching Protocols", upgrade = "Upgrade: websocket",
      connection = "Connection: Upgrade", accept = "Sec-WebSocket-Accept: " .. handshake.accept_of(key),
    }
    for name, line in pairs(changes or {}) do lines[name] = line or nil end
    local list = { lines.status }
    for name, line in pairs(lines) do
      if name ~= "status" then list[#list + 1] = line end
    end
    return table.concat(list, "\r\n") .. "\r\n\r\n"
  end
end

describe("a client", function()
  it("asks as it is to", function()
    local ok, _, seen = connect_to(answer(), {
      headers = { ["X-Extra"] = { "1", "2" }, Authorization = "Bearer x" }, origin = "http://page",
      protocols = nil, compress = false,
    })
    assert.is_true(ok)
    local headers = seen.headers
    assert.are.equal("GET", seen.method)
    assert.are.equal("/path?query", seen.target)
    assert.are.equal("websocket", headers.upgrade)
    assert.are.equal("Upgrade", headers.connection)
    assert.are.equal("13", headers["sec-websocket-version"])
    assert.are.equal(24, #headers["sec-websocket-key"])
    assert.are.equal("1, 2", headers["x-extra"])
    assert.are.equal("Bearer x", headers.authorization)
    assert.are.equal("http://page", headers.origin)
    assert.is_truthy(headers.host:find "^127%.0%.0%.1:%d+$")
    assert.is_nil(headers["sec-websocket-extensions"])
    assert.is_nil(headers["sec-websocket-protocol"])
  end)
  it("uses a new key each time, and a Host that it is told", function()
    local _, _, one = connect_to(answer(), { headers = { Host = "other" } })
    local _, _, two = connect_to(answer())
    assert.are_not.equal(one.headers["sec-websocket-key"], two.headers["sec-websocket-key"])
    assert.are.equal("other", one.headers.host)
  end)
  it("takes an answer that is right, however it is written", function()
    for _, changes in ipairs {
      { upgrade = "UPGRADE: WebSocket" }, { connection = "connection:keep-alive,\tupgrade " },
      { status = "HTTP/1.1 101" }, { extra = "X:" },
    } do
      assert.is_true((connect_to(answer(changes))))
    end
  end)
  it("passes over what comes before the answer", function()
    local ok = connect_to(function(key)
      return "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" .. answer()(key)
    end)
    assert.is_true(ok)
  end)
  it("has the protocol that the server chose", function()
    local ok, sock =
      connect_to(answer { protocol = "Sec-WebSocket-Protocol: b" }, { protocols = { "a", "b" } })
    assert.is_true(ok)
    assert.are.equal("b", sock.protocol)
  end)
  it("receives what came with the answer", function()
    local client
    local server <close> = net.serve({}, function(stream)
      local _, _, headers = support.read_head(stream)
      stream:write(answer()(headers["sec-websocket-key"]) .. support.frame { opcode = 1, payload = "first" })
      while stream:read_some() do end
    end)
    client = websocket.connect("ws://127.0.0.1:" .. server.port)
    assert.are.equal("first", (client:recv()))
    client.native:close()
  end)

  local WRONG <const> = {
    { "no Upgrade", { upgrade = false } },
    { "another Upgrade", { upgrade = "Upgrade: h2c" } },
    { "two Upgrades", { upgrade = "Upgrade: websocket, h2c" } },
    { "no Connection", { connection = false } },
    { "another Connection", { connection = "Connection: keep-alive" } },
    { "no accept", { accept = false } },
    { "a wrong accept", { accept = "Sec-WebSocket-Accept: " .. ACCEPT } },
    { "a protocol that was not offered", { protocol = "Sec-WebSocket-Protocol: x" } },
    { "an extension that was not offered", { extension = "Sec-WebSocket-Extensions: x" } },
    { "HTTP/1.0", { status = "HTTP/1.0 101 Yes" } },
  }
  for _, case in ipairs(WRONG) do
    it("refuses an answer with " .. case[1], function()
      local ok, e = connect_to(answer(case[2]))
      assert.is_false(ok)
      assert.are.equal("http", e.kind)
      assert.are.equal(101, e.status)
    end)
  end

  it("raises http with what a refusal says", function()
    local ok, e = connect_to "HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\nX-A: b\r\n\r\ngo away!!"
    assert.is_false(ok)
    assert.are.equal("http", e.kind)
    assert.are.equal(403, e.status)
    assert.are.equal("go away!!", e.body)
    assert.are.equal("b", e.headers["x-a"])
    assert.are.equal("http: websocket.connect: the server refuses: 403 Forbidden", tostring(e))
  end)
  it("does not read a long refusal to its end", function()
    local ok, e = connect_to("HTTP/1.1 500 No\r\n\r\n" .. ("x"):rep(100000))
    assert.is_false(ok)
    assert.are.equal(4096, #e.body)
  end)
  it("does not follow redirects", function()
    local ok, e = connect_to "HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    assert.is_false(ok)
    assert.are.equal(302, e.status)
  end)
  it("takes no answer that is no HTTP", function()
    for _, text in ipairs {
      "SSH-2.0-x\r\n\r\n", "HTTP/2 101 x\r\n\r\n", "HTTP/1.1 101 Yes\r\nno colon\r\n\r\n",
      "HTTP/1.1 101 Yes\r\nX : y\r\n\r\n", "HTTP/1.1 101 Yes\r\nX: y\r\n folded\r\n\r\n",
      "HTTP/1.1 101 Yes\nX: y\r\n\r\n", "HTTP/1.1 101 Yes\r\nX: \0\r\n\r\n", "HTTP/1.1 1O1 Yes\r\n\r\n",
      "HTTP/1.1 099 x\r\n\r\n", "HTTP/1.1 101 \xe9\1\r\n\r\n", "HTTP/1.1 101 Yes\r\nX: y\rZ: a\r\n\r\n",
    } do
      local ok, e = connect_to(text)
      assert.is_false(ok, text)
      assert.are.equal("http", e.kind, text)
      assert.is_nil(e.status)
    end
  end)
  it("takes no head without an end", function()
    local ok, e = connect_to("HTTP/1.1 101 Yes\r\n" .. ("X: y\r\n"):rep(20000))
    assert.is_false(ok)
    assert.are.equal("limit", e.kind)
    ok, e = connect_to(("HTTP/1.1 100 Go on\r\nX: " .. ("y"):rep(1000) .. "\r\n\r\n"):rep(100))
    assert.is_false(ok)
    assert.are.equal("limit", e.kind)
    local filler = "HTTP/1.1 100 Go on\r\nX: " .. ("y"):rep(65536 - 27) .. "\r\n\r\n"
    ok, e = connect_to(filler .. "HTTP/1.1 101 Yes\r\n\r\n")
    assert.is_false(ok)
    assert.are.equal("limit", e.kind)
  end)
  it("does not compute for long on an answer that is long", function()
    local before = os.clock()
    for _, last in ipairs { "b", "", "\1" } do
      local ok = connect_to("HTTP/1.1 400 No\r\nContent-Length: 0\r\nX: a" .. (" "):rep(65000) .. last .. "\r\n\r\n")
      assert.is_false(ok)
      ok = connect_to("HTTP/1.1 400 No\r\nContent-Length: 0\r\nX: " .. (" "):rep(65000) .. last .. "\r\n\r\n")
      assert.is_false(ok)
    end
    assert.is_true(os.clock() - before < 5)
  end)
  it("raises eof when the server ends instead", function()
    for _, text in ipairs { "", "HTTP/1.1 101 Swit" } do
      local ok, e = connect_to(function(_, stream)
        stream:write(text)
        stream:close()
      end)
      assert.is_false(ok)
      assert.are.equal("eof", e.kind)
    end
  end)
  it("raises io when nobody listens, or the server resets", function()
    local port = support.free_port()
    assert.are.equal("ECONNREFUSED", raises("io", websocket.connect, "ws://127.0.0.1:" .. port).code)
    local ok, e = connect_to(function(_, stream) stream:abort() end)
    assert.is_false(ok)
    assert.are.equal("ECONNRESET", e.code)
  end)
  it("raises timeout when the server takes too long", function()
    local listener <close> = net.listen {}
    testing.virtual_time(function()
      local start = lull.now()
      raises("timeout", websocket.connect, "ws://127.0.0.1:" .. listener.port, { timeout = 3 })
      assert.are.equal(3, math.floor(lull.now() - start + 0.5))
    end)
  end)
  it("can be cancelled at any moment", function()
    local part, written
    local server <close> = net.serve({}, function(stream)
      if part ~= "" then support.read_head(stream) end
      stream:write(part)
      written:set()
      pcall(stream.read, stream, "a")
    end)
    for _, text in ipairs { "", "HTTP/1.1 101 Swit", "HTTP/1.1 400 No\r\nContent-Length: 100\r\n\r\npart" } do
      part, written = text, lull.future()
      local connecting = go(websocket.connect, "ws://127.0.0.1:" .. server.port)
      written:await()
      testing.settle()
      assert.are.equal("pending", connecting:status())
      connecting:cancel()
      assert.are.equal("cancelled", connecting:join())
    end
  end)
end)
