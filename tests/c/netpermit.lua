--- netpermit.lua: what netpermit_test.c runs, by name, each in a runtime with those rules.
local lull = require "lull"
local net = require "lull.net"
local dns = require "lull.dns"
local http = require "lull.http"

local name, folder = ...

--- It is denied, for want of a rule that has this in it; nothing was opened.
local function denied(needed, fn, ...)
  local ok, e = pcall(fn, ...)
  if ok then error("it was not denied: " .. needed, 2) end
  if not lull.is_error(e, "permission") then error("not a permission error: " .. tostring(e), 2) end
  local found = tostring(e.needed or e.message)
  if not found:find(needed, 1, true) then error(("it needs %s, not %s"):format(found, needed), 2) end
  return e
end

--- It gets as far as the system: there is an error, but another.
local function allowed(kind, fn, ...)
  local ok, e = pcall(fn, ...)
  if ok then return end
  if not lull.is_error(e, kind) then error(("expected %s: %s"):format(kind, tostring(e)), 2) end
end

local function serve(handler, opts)
  opts = opts or { port = 0 }
  return http.serve(opts, handler)
end

local function address(server, path)
  return ("http://127.0.0.1:%d%s"):format(server.port, path or "/")
end

local rules = {}

rules["everything is denied without rules"] = function()
  denied("connect=127.0.0.1:80", net.connect, "127.0.0.1", 80)
  denied("connect=[::1]:80", net.connect, "::1", 80)
  denied("connect=example.invalid:80", net.connect, "example.invalid", 80)
  denied("connect=localhost:80", net.connect, "localhost", 80)
  denied("connect=unix:/tmp/x", net.connect_unix, "/tmp/x")
  denied("native", net.connect_unix, "\0x")
  denied("listen=127.0.0.1:0", net.listen, {})
  denied("listen=*:8080", net.listen, { host = "*", port = 8080 })
  denied("listen=unix:/tmp/x", net.listen, { path = "/tmp/x" })
  denied("listen=127.0.0.1:0", net.serve, {}, print)
  denied("listen=127.0.0.1:0", http.serve, {}, print)
  denied("listen=127.0.0.1:1", net.udp, { port = 1 })
  denied("listen=unix:/tmp/x", net.udp, { path = "/tmp/x" })
  denied("connect=127.0.0.1:1", net.udp, { connect = { "127.0.0.1", 1 } })
  denied("native", net.from_fd, 0)
  denied("native", net.wait_readable, 0)
  denied("native", net.wait_writable, 1)
  denied("connect=example.invalid", dns.resolve, "example.invalid")
  denied("connect=192.0.2.1", dns.reverse, "192.0.2.1")
  denied("connect=127.0.0.1:80", http.get, "http://127.0.0.1/")
  denied("connect=[::1]:80", http.get, "http://[::1]/")
  denied("connect=example.invalid:443", http.get, "https://example.invalid/")
  denied("connect=unix:/tmp/x", http.get, "http://localhost/", { unix_socket = "/tmp/x" })
  denied("write=/tmp/x", http.download, "http://127.0.0.1/", "/tmp/x")
  denied("read=/", require "lull.http.static".new, "/")
  denied("connect=127.0.0.1:80", require "lull.websocket".connect, "ws://127.0.0.1/")
  assert(dns.resolve "127.0.0.1"[1] == "127.0.0.1")
  assert(dns.resolve "localhost"[1] == "127.0.0.1")
  for _, native in ipairs { "net", "dns", "udp", "curl", "tty", "http.file" } do
    denied("all", require, "lull." .. native .. ".native")
  end
end

rules["everything is allowed with all"] = function()
  local server <close> = serve(function() return "hello" end)
  assert(http.get(address(server)).body == "hello")
  allowed("dns", dns.resolve, "name.invalid")
  local tty = require "lull.tty.native"
  assert(tty.is_terminal(0) ~= nil)
end

rules["pipes and pairs need nothing"] = function()
  local a <close>, b = net.pair()
  a:write "x"
  assert(b:read_some() == "x")
  local out, into <close> = net.pipe()
  into:write "y"
  assert(out:read_some() == "y")
  assert(math.type(a:fd()) == "integer")
  b:close()
  out:close()
end

rules["connecting is for the named host and port"] = function()
  allowed("io", net.connect, "127.0.0.1", 1)
  denied("connect=127.0.0.1:2", net.connect, "127.0.0.1", 2)
  denied("connect=127.0.0.2:1", net.connect, "127.0.0.2", 1)
  denied("connect=[::1]:1", net.connect, "::1", 1)
  denied("connect=127.0.0.1:2", net.connect, "::ffff:127.0.0.1", 2)
  denied("connect=sub.localhost:1", net.connect, "sub.localhost", 1)
end

rules["a name is not its address"] = function()
  local server <close> = net.serve({ port = 0 }, function(s) s:write "hello" end)
  local s <close> = net.connect("localhost", server.port)
  assert(s:read_some() == "hello")
  denied("connect=127.0.0.1", net.connect, "127.0.0.1", server.port)
  denied("connect=127.0.0.1", http.get, address(server))
end

--- Modules of lull that are not native may be looked at, and changed if they let one.
rules["an address is no proof of a name"] = function()
  local lookup = require "lull.dns.lookup"
  local connect = require "lull.net.connect"
  local real = lookup.resolve
  local changed = pcall(function() lookup.resolve = function() return { "127.0.0.2" } end end)
  if changed then
    local ok, e = pcall(net.connect, "localhost", 1)
    assert(not ok and not lull.is_error(e, "io"), tostring(e))
    lookup.resolve = real
  end
  local _, proof = lookup.resolve "localhost"
  local ok, e = pcall(connect.race, "localhost", 1, { "127.0.0.2" }, nil, proof)
  assert(not ok and not lull.is_error(e, "io"), tostring(e))
  ok, e = pcall(connect.race, "localhost", 1, { "127.0.0.1" }, nil, "localhost")
  assert(not ok and not lull.is_error(e, "io"), tostring(e))
  allowed("io", connect.race, "localhost", 1, { "127.0.0.1" }, nil, proof)
end

rules["names are asked for where one may connect"] = function()
  allowed("dns", dns.resolve, "nowhere.invalid")
  allowed("dns", net.connect, "nowhere.invalid", 80)
  allowed("dns", http.get, "http://nowhere.invalid/")
  denied("connect=nowhere.invalid:81", net.connect, "nowhere.invalid", 81)
  denied("connect=nowhere.invalid:443", http.get, "https://nowhere.invalid/")
  denied("connect=other.invalid", dns.resolve, "other.invalid")
  denied("connect=127.0.0.1", dns.reverse, "127.0.0.1")
end

rules["listening is for the named host and port"] = function()
  local listener <close> = net.listen { port = 0 }
  local s <close> = net.connect("127.0.0.1", listener.port)
  denied("listen=127.0.0.1:1", net.listen, { port = 1 })
  denied("listen=*:0", net.listen, { host = "*" })
  denied("listen=*:0", net.udp().recv, net.udp())
  denied("listen=localhost:0", net.listen, { host = "localhost" })
  denied("connect=nowhere.invalid", net.listen, { host = "nowhere.invalid" })
  local u <close> = net.udp { host = "127.0.0.1", port = 0 }
  denied("listen=224.0.0.251", u.join, u, "224.0.0.251")
  assert(s)
end

rules["every address is every rule's"] = function()
  local listener <close> = net.listen { host = "*" }
  local s <close> = net.connect("127.0.0.1", listener.port)
  local u <close> = net.udp()
  assert(u:try_recv() == nil and s)
end

rules["Unix sockets have paths"] = function()
  local path = folder .. "/in/socket"
  local server <close> = net.serve({ path = path }, function(s) s:write "hello" end)
  local s <close> = net.connect_unix(path)
  assert(s:read_some() == "hello")
  denied("connect=unix:" .. folder .. "/out/s", net.connect_unix, folder .. "/out/s")
  denied("connect=unix:", net.connect_unix, folder .. "/in/linked/s")
  denied("connect=unix:", net.connect_unix, folder .. "/in/../out/s")
  denied("listen=unix:", net.listen, { path = folder .. "/out/s" })
  denied("listen=unix:", net.listen, { path = folder .. "/in/linked/s" })
  denied("listen=127.0.0.1:0", net.listen, {})
  server:close()
end

rules["datagrams are sent and received where one may"] = function()
  local a <close> = net.udp { port = 0 }
  local b <close> = net.udp { port = 0 }
  a:send("hello", "127.0.0.1", b.port)
  assert(b:recv() == "hello")
  denied("connect=127.0.0.2:9", a.send, a, "x", "127.0.0.2", 9)
  denied("connect=nowhere.invalid", a.send, a, "x", "nowhere.invalid", 9)
  denied("connect=localhost:9", a.send, a, "x", "localhost", 9)
  denied("connect=127.0.0.2:9", a.connect, a, "127.0.0.2", 9)
  local c <close> = net.udp()
  c:send("again", "127.0.0.1", b.port)
  assert(b:recv() == "again")
  denied("listen=*:0", c.recv, c)
  denied("listen=*:0", c.try_recv, c)
end

rules["a connected socket receives from its peer"] = function()
  local u <close> = net.udp { connect = { "127.0.0.1", 9 } }
  allowed("io", u.try_recv, u)
  denied("listen=127.0.0.1:9", net.udp, { port = 9 })
end

rules["requests go to the named host"] = function()
  local server <close> = serve(function() return "hello" end)
  assert(http.get(address(server)).body == "hello")
  denied("connect=localhost:2", http.get, "http://localhost:2/")
  allowed("io", http.get, "http://localhost:1/")
  denied("connect=127.0.0.2:80", http.get, "http://127.0.0.2/")
  denied("connect=127.0.0.2:80", http.get, "http://127.2/")
  denied("connect=127.0.0.2:80", http.post, "http://127.0.0.2/", { body = "x" })
  denied("connect=127.0.0.2:80", http.get, "http://127.0.0.2/", { stream = true })
  denied("connect=127.0.0.2:80", http.get, "http://user@127.0.0.2/")
end

rules["redirections go no further"] = function()
  local target
  local server <close> = serve(function(req)
    if req.path == "/there" then return "there" end
    return { status = 302, headers = { location = target } }
  end)
  target = "/there"
  assert(http.get(address(server)).body == "there")
  target = "http://127.0.0.2:1/"
  denied("connect=127.0.0.2:1", http.get, address(server))
  target = "//localhost/"
  denied("connect=localhost:80", http.get, address(server))
  target = "http://nowhere.invalid/"
  denied("connect=nowhere.invalid:80", http.get, address(server))
end

rules["a proxy needs permission, and so does what is behind it"] = function()
  local asked
  local server <close> = serve(function(req)
    asked = req.target
    return "through"
  end)
  local proxy = address(server, "")
  assert(http.get("http://target.invalid/x", { proxy = proxy }).body == "through")
  assert(asked == "http://target.invalid/x", asked)
  asked = nil
  denied("connect=other.invalid:80", http.get, "http://other.invalid/", { proxy = proxy })
  assert(not asked)
end

rules["a proxy that is denied is not asked"] = function()
  local asked = false
  local server <close> = serve(function()
    asked = true
    return "through"
  end)
  denied("connect=127.0.0.1", http.get, "http://target.invalid/", { proxy = address(server, "") })
  denied("connect=127.0.0.1:1080", http.get, "http://target.invalid/", { proxy = "socks5h://127.0.0.1" })
  denied("connect=127.0.0.1:443", http.get, "http://target.invalid/", { proxy = "https://127.0.0.1" })
  assert(not asked)
end

rules["requests to Unix sockets"] = function()
  local path = folder .. "/in/socket"
  local server <close> = serve(function() return "hello" end, { path = path })
  assert(http.get("http://whatever/", { unix_socket = path }).body == "hello")
  denied("connect=unix:", http.get, "http://whatever/", { unix_socket = folder .. "/out/s" })
  denied("connect=unix:", http.get, "http://whatever/", { unix_socket = folder .. "/in/linked/s" })
  server:close()
end

rules["files with certificates are read by permission"] = function()
  local file, link, out = folder .. "/in/file", folder .. "/in/link", folder .. "/out/secret"
  for _, option in ipairs { "ca_file", "crl_file" } do
    allowed("io", http.get, "https://127.0.0.1:1/", { [option] = file, timeout = 1 })
    denied("read=" .. out, http.get, "https://127.0.0.1:1/", { [option] = out })
    denied("read=", http.get, "https://127.0.0.1:1/", { [option] = folder .. "/in/../out/secret" })
    local e = denied("", http.get, "https://127.0.0.1:1/", { [option] = link })
    assert(not tostring(e):find("secret\n", 1, true))
    allowed("tls", net.connect, "127.0.0.1", 1, { tls = { [option] = file } })
    denied("read=", net.connect, "127.0.0.1", 1, { tls = { [option] = out } })
    denied("read=", net.connect, "127.0.0.1", 1, { tls = { [option] = link } })
  end
  denied("read=" .. out, http.get, "https://127.0.0.1:1/", { cert = out, key = file })
  denied("read=" .. out, http.get, "https://127.0.0.1:1/", { cert = file, key = out })
  denied("read=", net.serve, { tls = { cert = out, key = out } }, print)
  denied("read=", net.connect, "127.0.0.1", 1, { tls = { ca_path = folder .. "/out" } })
  denied("read=", net.connect, "127.0.0.1", 1, { tls = { ca_path = folder .. "/in/linked" } })
end

rules["downloads are written by permission"] = function()
  local asked = false
  local server <close> = serve(function()
    asked = true
    return "contents"
  end)
  denied("write=" .. folder .. "/out/x", http.download, address(server), folder .. "/out/x")
  denied("write=", http.download, address(server), folder .. "/in/../out/x")
  assert(not asked)
  denied("write=", http.download, address(server), folder .. "/in/linked/x")
  http.download(address(server), folder .. "/in/got")
  assert(asked)
end

rules["static files are those of the folder"] = function()
  local app = http.router()
  app:static("/", folder .. "/in")
  denied("read=" .. folder, app.static, app, "/all", folder)
  denied("read=", app.static, app, "/out", folder .. "/in/linked")
  denied("read=", app.static, app, "/out", folder .. "/in/../out")
  local server <close> = serve(app)
  assert(http.get(address(server, "/file")).body == "open")
  assert(http.get(address(server, "/link")).status == 404)
  assert(http.get(address(server, "/linked/secret")).status == 404)
  assert(http.get(address(server, "/..%2fout/secret")).status >= 400)
  --- A descriptor by its number is not a file of the folder.
  local forged <close> = serve(function()
    local handle = { fd = function() return 0 end, close = function() end, retain = function(h) return h end }
    return { status = 200, headers = { ["content-length"] = 4 }, file = { handle = handle, length = 4 } }
  end)
  local ok, res = pcall(http.get, address(forged), { timeout = 2 })
  assert(not ok or res.status ~= 200, "it sent from a descriptor")
end

rules["WebSockets connect by permission"] = function()
  local ws = require "lull.websocket"
  local server <close> = serve(function(req) req:websocket():close() end)
  denied("connect=127.0.0.1", ws.connect, "ws" .. address(server):sub(5))
  denied("connect=localhost", ws.connect, "ws://localhost/")
end

rules["LuaSocket's functions obey"] = function()
  local socket = require "lull.compat.socket"
  local server = assert(socket.bind("127.0.0.1", 0))
  local _, port = server:getsockname()
  local client = assert(socket.connect("127.0.0.1", port))
  client:close()
  server:close()
  local function tried(fn, ...)
    local ok, result, message = pcall(fn, ...)
    assert(not ok or not result, message)
  end
  tried(socket.connect, "127.0.0.2", port)
  tried(socket.bind, "0.0.0.0", 0)
  tried(socket.dns.toip, "nowhere.invalid")
end

return assert(rules[name], name)()
