--- tls_serve_spec.lua: servers with TLS: names, protocols, sessions, failures, new certificates.

local lull = require "lull"
local net = require "lull.net"
local testing = require "lull.testing"
local tls = require "lull.tls"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_tls.lua")
local go, file, raises, misuse = support.go, support.file, support.raises, support.misuse

--- A server that counts and keeps what fails.
local function watched(identity, more, handler)
  local errors = {}
  local opts = { on_handshake_error = function(e, host, port)
    errors[#errors + 1] = { err = e, host = host, port = port }
  end }
  for key, value in pairs(more or {}) do opts[key] = value end
  return support.server(identity, opts, handler), errors
end

--- Wait until something holds.
local function eventually(test)
  for _ = 1, 400 do
    if test() then return end
    lull.sleep(0.005)
  end
  error("it never came to be", 2)
end

describe("a server with TLS", function()
  it("handles the stream when the handshake is over", function()
    local seen
    local server <close> = support.server("server", nil, function(stream)
      seen = stream:tls()
      stream:write(stream:read("L"))
    end)
    local s <close> = support.connect(server)
    s:write("over\n")
    assert.are.equal("over", s:read())
    assert.are.equal("TLSv1.3", seen.version)
    assert.are.equal("localhost", seen.server_name)
    assert.is_nil(seen.peer)
    assert.is_false(seen.verified)
  end)

  it("goes on when a client is no good, and reports nothing", function()
    local errors = support.reported(function()
      local server <close>, failures = watched "server"
      local plain <close> = net.connect("127.0.0.1", server.port)
      plain:write("GET / HTTP/1.1\r\n\r\n")
      eventually(function() return server.failed_handshakes == 1 end)
      local s <close> = support.connect(server)
      s:write("x")
      assert.are.equal("x", s:read_exact(1))
      assert.are.equal("NOT_TLS", failures[1].err.code)
      assert.are.equal("127.0.0.1", failures[1].host)
      assert.are.equal(select(2, plain:sockname()), failures[1].port)
    end)
    assert.are.same({}, errors)
  end)

  it("reports what its listener for failures raises", function()
    local errors = support.reported(function()
      local server <close> = support.server("server", {
        on_handshake_error = function() error("oh", 0) end,
      })
      net.connect("127.0.0.1", server.port):close()
      eventually(function() return server.failed_handshakes == 1 end)
    end)
    assert.are.same({ "oh" }, errors)
  end)

  it("is not held up by a client that says nothing", function()
    local server <close> = support.server("server")
    local silent <close> = net.connect("127.0.0.1", server.port)
    local s <close> = support.connect(server)
    s:write("x")
    assert.are.equal("x", s:read_exact(1))
    assert.is_not_nil(silent)
  end)

  it("lets go of a client that takes too long", function()
    local server <close>, errors = watched(support.identity("server", { handshake_timeout = 0.02 }))
    local silent <close> = net.connect("127.0.0.1", server.port)
    local e = raises("io", silent.read, silent)
    assert.are.equal("ECONNRESET", e.code)
    assert.is_true(lull.is_error(errors[1].err, "timeout"))
    support.says(errors[1].err, "the TLS handshake took longer than 0.02 s")
  end)

  it("counts handshakes as connections", function()
    local server <close> = support.server("server", { max_connections = 1 })
    local silent = net.connect("127.0.0.1", server.port)
    testing.settle()
    local waiting = go(support.connect, server)
    testing.settle()
    assert.are.equal("pending", waiting:status())
    silent:close()
    waiting:await():close()
  end)

  it("ends handshakes when it is closed", function()
    local server = support.server("server")
    local silent <close> = net.connect("127.0.0.1", server.port)
    testing.settle()
    server:close()
    assert.is_false(pcall(function() assert(silent:read()) end))
    assert.are.equal(0, server.failed_handshakes)
  end)

  it("serves a Unix socket", function()
    local path, closer = support.socket_path()
    local _ <close> = closer
    local server <close> = support.server("server", { path = path })
    local s <close> = net.connect_unix(path, { tls = support.trusting { server_name = "server.test" } })
    s:write("x")
    assert.are.equal("x", s:read_exact(1))
    assert.is_not_nil(server)
  end)

  it("takes its certificate as texts, and both from one file", function()
    local inline <close> = support.server {
      cert = support.text "server.pem", key = support.text "server.key",
    }
    support.connect(inline):close()
    local both <close> = support.server { cert = file "both.pem" }
    support.connect(both):close()
  end)

  it("opens an encrypted key", function()
    local server <close> = support.server {
      cert = file "server.pem", key = file "locked.key", password = "secret",
    }
    support.connect(server):close()
  end)
end)

describe("a listener with TLS", function()
  it("shakes hands before it gives the stream", function()
    local listener <close> = net.listen { tls = support.identity "server" }
    local client = go(support.connect, listener)
    local stream <close> = listener:accept()
    assert.are.equal("TLSv1.3", stream:tls().version)
    local s <close> = client:await()
    stream:write("x")
    assert.are.equal("x", s:read_exact(1))
  end)

  it("passes over clients that fail", function()
    local failed = {}
    local listener <close> = net.listen {
      tls = support.identity "server",
      on_handshake_error = function(e) failed[#failed + 1] = e.code end,
    }
    local accepted = go(listener.accept, listener)
    local plain <close> = net.connect("127.0.0.1", listener.port)
    plain:write("nonsense\n")
    eventually(function() return listener.failed_handshakes == 1 end)
    local s <close> = support.connect(listener)
    local stream <close> = accepted:await()
    stream:write("x")
    assert.are.equal("x", s:read_exact(1))
    assert.are.same({ "NOT_TLS" }, failed)
  end)
end)

describe("several certificates", function()
  local function served()
    return support.server {
      certificates = {
        support.identity "server", support.identity "other", support.identity "wild",
        support.identity("self", { names = { "named.test" } }),
      },
    }
  end

  --- The certificate that is shown to who asks for this name.
  local function shown(server, name, more)
    local opts = { verify = false, server_name = name }
    for key, value in pairs(more or {}) do opts[key] = value end
    local s <close> = net.connect("127.0.0.1", server.port, { tls = opts })
    return s:tls().peer.subject:match("CN=([^,]+)")
  end

  it("are chosen by the client's name", function()
    local server <close> = served()
    assert.are.equal("server.test", shown(server, "server.test"))
    assert.are.equal("other.test", shown(server, "other.test"))
    assert.are.equal("other.test", shown(server, "OTHER.test."))
    assert.are.equal("wild.test", shown(server, "wild.test"))
    assert.are.equal("wild.test", shown(server, "deep.wild.test"))
    assert.are.equal("localhost", shown(server, "named.test"))
  end)

  it("are the first one for other names, and for none", function()
    local server <close> = served()
    for _, name in ipairs { "nobody.test", "a.deep.wild.test", "test" } do
      assert.are.equal("server.test", shown(server, name))
    end
    assert.are.equal("server.test", shown(server, "127.0.0.1")) -- is not asked for by name
  end)

  it("are chosen by what the client can do, of one name", function()
    local server <close> = support.server {
      certificates = { support.identity "server", support.identity "rsa", support.identity "other" },
    }
    local function algorithm(ciphers)
      local s <close> = support.connect(server, {
        server_name = "server.test", max_version = "TLSv1.2", ciphers = ciphers,
      })
      return s:tls().cipher
    end
    assert.are.equal("ECDHE-RSA-AES128-GCM-SHA256", algorithm "ECDHE-RSA-AES128-GCM-SHA256")
    assert.are.equal("ECDHE-ECDSA-AES128-GCM-SHA256", algorithm "ECDHE-ECDSA-AES128-GCM-SHA256")
  end)
end)

describe("ALPN", function()
  it("chooses by the server's preference", function()
    local server <close> = support.server(support.identity("server", { alpn = { "h2", "http/1.1" } }))
    local s <close> = support.connect(server, { alpn = { "spdy/3", "http/1.1", "h2" } })
    assert.are.equal("h2", s:tls().alpn)
    local t <close> = support.connect(server, { alpn = "http/1.1" })
    assert.are.equal("http/1.1", t:tls().alpn)
  end)

  it("is nothing to those who do not speak of it", function()
    local server <close> = support.server(support.identity("server", { alpn = "h2" }))
    local s <close> = support.connect(server)
    assert.is_nil(s:tls().alpn)
    local plain <close> = support.server "server"
    local t <close> = support.connect(plain, { alpn = "h2" })
    assert.is_nil(t:tls().alpn)
  end)

  it("fails where there is nothing in common", function()
    local server <close>, errors = watched(support.identity("server", { alpn = "h2" }))
    local e = support.refused(server, { alpn = "http/1.1" })
    assert.are.equal("ALERT_NO_APPLICATION_PROTOCOL", e.code)
    eventually(function() return errors[1] end)
    assert.are.equal("NO_APPLICATION_PROTOCOL", errors[1].err.code)
  end)
end)

describe("versions", function()
  it("are the highest that both sides allow", function()
    local server <close> = support.server "server"
    local s <close> = support.connect(server, { max_version = "TLSv1.2" })
    assert.are.equal("TLSv1.2", s:tls().version)
  end)

  it("fail where there is none", function()
    local server <close>, errors = watched(support.identity("server", { min_version = "TLSv1.3" }))
    local e = support.refused(server, { max_version = "TLSv1.2" })
    assert.are.equal("ALERT_PROTOCOL_VERSION", e.code)
    eventually(function() return errors[1] end)
    assert.are.equal("PROTOCOL_VERSION", errors[1].err.code)
  end)
end)

describe("sessions", function()
  --- Is the second connection resumed, and does it work?
  local function resumes(server, first, second)
    local resumed
    for _, opts in ipairs { first, second or first } do
      local s <close> = support.connect(server, opts)
      s:write("x")
      assert.are.equal("x", s:read_exact(1))
      resumed = s:tls().resumed
      assert.is_true(s:tls().verified)
    end
    return resumed
  end

  for _, version in ipairs { "TLSv1.2", "TLSv1.3" } do
    it("are resumed by " .. version, function()
      local server <close> = support.server "server"
      assert.is_true(resumes(server, { max_version = version }))
      assert.is_true(resumes(server, { max_version = version })) -- and again
    end)

    it("are resumed by " .. version .. " after an abort", function()
      local server <close> = support.server("server", nil, function(stream) pcall(support.echo, stream) end)
      local s = support.connect(server, { max_version = version })
      s:write("x")
      s:read_exact(1)
      s:abort()
      local t <close> = support.connect(server, { max_version = version })
      assert.is_true(t:tls().resumed)
    end)
  end

  it("are of one name: another is verified anew", function()
    local server <close> = support.server "server"
    assert.is_false(resumes(server, { server_name = "localhost" }, { server_name = "server.test" }))
    assert.are.equal("HOSTNAME_MISMATCH", support.refused(server, { server_name = "evil.test" }).code)
  end)

  it("are of one context: what is trusted differs", function()
    local server <close> = support.server "server"
    support.connect(server):close()
    assert.are.equal("UNKNOWN_CA", support.refused(server, { ca_file = file "rogue.pem" }).code)
  end)

  it("are not offered, or not accepted, where that is said", function()
    local server <close> = support.server "server"
    assert.is_false(resumes(server, { resume = false }))
    local never <close> = support.server(support.identity("server", { resume = false }))
    assert.is_false(resumes(never, {}))
  end)

  it("are refused by another server, which is no error", function()
    local port
    for i = 1, 2 do
      local server <close> = support.server("server", { port = port })
      port = server.port
      local s <close> = support.connect(server)
      s:write("x")
      assert.are.equal("x", s:read_exact(1))
      assert.is_false(s:tls().resumed, "round " .. i)
      s:close()
    end
  end)

  it("are kept for so many names, the latest", function()
    local server <close> = support.server "wild"
    local context = tls.client(support.trusting())
    local function resumed(number)
      local s <close> = net.connect("127.0.0.1", server.port, {
        tls = { context = context, server_name = "n" .. number .. ".wild.test" },
      })
      s:write("x")
      s:read_exact(1)
      return s:tls().resumed
    end
    for i = 1, 140 do resumed(i) end
    assert.is_true(resumed(140))
    assert.is_false(resumed(1))
  end)
end)

describe("new certificates", function()
  local function subject(server)
    local s <close> = net.connect("127.0.0.1", server.port, { tls = { verify = false } })
    return s:tls().peer.subject:match("CN=([^,]+)")
  end

  it("are for the clients that come from now on", function()
    local server <close> = support.server "server"
    local s <close> = support.connect(server)
    server:reload_tls(support.identity "other")
    assert.are.equal("other.test", subject(server))
    s:write("still\n")
    assert.are.equal("still", s:read())
  end)

  it("are read from the same files", function()
    local cert, key = os.tmpname(), os.tmpname()
    local function install(name)
      os.execute(("cp %s %s && cp %s %s"):format(file(name .. ".pem"), cert, file(name .. ".key"), key))
    end
    install "server"
    local server <close> = support.server { cert = cert, key = key }
    install "other"
    assert.are.equal("server.test", subject(server))
    server:reload_tls()
    assert.are.equal("other.test", subject(server))
    os.remove(cert)
    os.remove(key)
  end)

  it("that are no good change nothing", function()
    local server <close> = support.server "server"
    local e = raises("tls", server.reload_tls, server, { cert = file "server.pem", key = file "other.key" })
    assert.are.equal("KEY_MISMATCH", e.code)
    raises("io", server.reload_tls, server, { cert = "/no/such/file" })
    misuse(server.reload_tls, server, { surely = "not" })
    assert.are.equal("server.test", subject(server))
    server:reload_tls()
    assert.are.equal("server.test", subject(server))
  end)

  it("come with a context for all who share it", function()
    local context = tls.server(support.identity "server")
    local one <close> = support.server(context)
    local other <close> = net.serve({ tls = { context = context } }, support.echo)
    context:reload(support.identity "other")
    assert.are.equal("other.test", subject(one))
    assert.are.equal("other.test", subject(other))
  end)

  it("leave sessions good", function()
    local server <close> = support.server "server"
    local first <close> = support.connect(server)
    first:write("x")
    first:read_exact(1)
    server:reload_tls()
    local s <close> = support.connect(server)
    assert.is_true(s:tls().resumed)
  end)

  it("make clients show theirs again, where that is asked for", function()
    local identity = support.identity("server", { client_ca = file "ca.pem" })
    local server <close> = support.server(identity)
    local mine = support.identity "client"
    local function connect()
      local s <close> = support.connect(server, mine)
      s:write("x")
      s:read_exact(1)
      return s:tls().resumed
    end
    connect()
    assert.is_true(connect())
    identity.client_ca = file "rogue.pem"
    server:reload_tls(identity)
    raises("tls", connect)
  end)

  it("need a server that has TLS", function()
    local server <close> = net.serve({}, support.echo)
    raises("usage", server.reload_tls, server)
  end)

  it("come to a listener, too", function()
    local listener <close> = net.listen { tls = support.identity "server" }
    listener:reload_tls(support.identity "other")
    local accepted = go(listener.accept, listener)
    assert.are.equal("other.test", subject(listener))
    accepted:await():close()
  end)
end)
