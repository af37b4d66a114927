--- tls_options_spec.lua: what is said about wrong options and files, before anything starts.

local net = require "lull.net"
local tls = require "lull.tls"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_tls.lua")
local file, raises = support.file, support.raises

--- Call fn, expect an argument error that says this, and points here.
local function misuse(part, fn, ...)
  local ok, e = pcall(fn, ...)
  assert.is_false(ok)
  assert.are.equal("string", type(e), tostring(e))
  assert.truthy(e:find("bad argument", 1, true), e)
  assert.truthy(e:find(part, 1, true), e)
  return e
end

describe("options of a client", function()
  it("must be known ones", function()
    misuse("unknown TLS option 'cafile'", tls.client, { cafile = "x" })
    misuse("unknown TLS option 'client_ca'", tls.client, { client_ca = "x" })
    misuse("unknown TLS option '1'", tls.client, { "x" })
  end)

  it("must be of their kinds", function()
    misuse("verify must be true or false", tls.client, { verify = "no" })
    misuse("ca_file must be a string", tls.client, { ca_file = {} })
    misuse("min_version must be", tls.client, { min_version = "1.1" })
    misuse("min_version is above max_version", tls.client,
      { min_version = "TLSv1.3", max_version = "TLSv1.2" })
    misuse("alpn must be", tls.client, { alpn = {} })
    misuse("alpn must be", tls.client, { alpn = { "" } })
    misuse("alpn must be", tls.client, { alpn = ("x"):rep(256) })
    misuse("handshake_timeout must be", tls.client, { handshake_timeout = 0 })
    misuse("server_name must be", tls.client, { server_name = "with space" })
    misuse("server_name must be", tls.client, { server_name = ("x"):rep(256) })
    misuse("server_name must be", tls.client, { server_name = ".test" }) -- all names below it
    misuse("server_name must be", tls.client, { server_name = "b\xc3\xbccher.test" })
    misuse("TLS cannot ask for 'b\xc3\xbccher.test'", net.connect, "b\xc3\xbccher.test", 1, { tls = true })
    misuse("fingerprint must be", tls.client, { fingerprint = "12:34" })
    misuse("a key needs a cert", tls.client, { key = file "server.key" })
    misuse("no such ciphers", tls.client, { ciphers = "NONSENSE" })
    misuse("table expected", tls.client, 7)
  end)

  it("are checked before a connection is made", function()
    misuse("unknown TLS option 'x'", net.connect, "127.0.0.1", 1, { tls = { x = 1 } })
    misuse("table expected", net.connect, "127.0.0.1", 1, { tls = "yes" })
    misuse("needs a server_name", net.connect_unix, "/nowhere", { tls = true })
    raises("io", net.connect, "127.0.0.1", 1, { tls = { ca_file = "/no/such/file" } })
  end)

  it("are of a client", function()
    local context = tls.server(support.identity "server")
    misuse("not a TLS context of a client", net.connect, "127.0.0.1", 1, { tls = context })
    misuse("not a TLS context of a client", net.connect, "127.0.0.1", 1, { tls = { context = {} } })
  end)

  it("stay with the context that is given", function()
    local context = tls.client(support.trusting())
    misuse("ca_file is a matter of the TLS context", net.connect, "127.0.0.1", 1,
      { tls = { context = context, ca_file = "x" } })
  end)

  it("point at the script", function()
    local e = misuse("unknown", net.connect, "127.0.0.1", 1, { tls = { x = 1 } })
    assert.is_nil(e:find("lull.tls", 1, true))
  end)
end)

describe("options of a server", function()
  it("must be known ones, of their kinds", function()
    misuse("unknown TLS option 'ca_file'", tls.server, support.identity("server", { ca_file = "x" }))
    misuse("verify must be", tls.server, support.identity("server", { verify = true }))
    misuse("need client_ca", tls.server, support.identity("server", { verify = "require" }))
    misuse("table expected", tls.server)
  end)

  it("must have a certificate", function()
    misuse("needs a cert", tls.server, {})
    misuse("needs a cert", net.serve, { tls = { alpn = "h2" } }, print)
    misuse("needs a cert", net.serve, { tls = true }, print)
    misuse("cert is missing", tls.server, { certificates = { { key = "x" } } })
    misuse("a list of tables", tls.server, { certificates = { "x" } })
    misuse("unknown TLS option 'x'", tls.server, { certificates = { { x = 1 } } })
  end)

  it("must be callable where they are called", function()
    misuse("function expected", net.serve, { on_handshake_error = 1 }, print)
  end)
end)

describe("files", function()
  it("that are not there are named", function()
    local e = raises("io", tls.client, { ca_file = "/no/such/file" })
    assert.are.equal("ENOENT", e.code)
    assert.are.equal("tls.context", e.op)
    support.says(e, "/no/such/file: No such file")
    assert.are.equal("EISDIR", raises("io", tls.client, { ca_file = "/" }).code)
  end)

  it("that are something else are named", function()
    local e = raises("tls", tls.server, { cert = file "server.key" })
    assert.are.equal("BAD_CERTIFICATE", e.code)
    support.says(e, ("certificate '%s': there is no certificate"):format(file "server.key"))
    assert.are.equal("BAD_KEY", raises("tls", tls.server, { cert = file "server.pem" }).code)
    assert.are.equal("BAD_CERTIFICATE", raises("tls", tls.client, { ca_file = file "server.key" }).code)
    assert.are.equal("BAD_CRL", raises("tls", tls.client, { crl_file = file "ca.pem" }).code)
  end)

  it("that are damaged are no good", function()
    local whole = support.text "server.pem"
    local cut = whole:gsub("\n", "\nAAAA", 3)
    local e = raises("tls", tls.server, { cert = cut, key = file "server.key" })
    assert.are.equal("BAD_CERTIFICATE", e.code)
    assert.are.equal("BAD_CERTIFICATE", raises("tls", tls.client, { ca = cut }).code)
    for length = 30, #whole, 97 do
      pcall(tls.server, { cert = whole:sub(1, length), key = file "server.key" })
    end
  end)

  it("must belong together", function()
    local e = raises("tls", tls.server, { cert = file "server.pem", key = file "other.key" })
    assert.are.equal("KEY_MISMATCH", e.code)
    support.says(e, "does not belong to the certificate")
  end)

  it("with an encrypted key need its password, which nobody is asked for", function()
    local opts = { cert = file "server.pem", key = file "locked.key" }
    local e = raises("tls", tls.server, opts)
    assert.are.equal("BAD_PASSWORD", e.code)
    support.says(e, "no password was given")
    opts.password = "wrong"
    assert.are.equal("BAD_PASSWORD", raises("tls", tls.server, opts).code)
    opts.password = "secret"
    assert.are.equal("server", tls.server(opts).role)
  end)

  it("that are weak are refused, of a second certificate, too", function()
    assert.are.equal("WEAK", raises("tls", tls.server, support.identity "weakkey").code)
    local both = { certificates = { support.identity "server", support.identity "weakkey" } }
    assert.are.equal("WEAK", raises("tls", tls.server, both).code)
  end)
end)

describe("contexts", function()
  it("say what they are", function()
    assert.are.equal("TLS context (client)", tostring(tls.client()))
    assert.are.equal("client", tls.client().role)
  end)

  it("are shared by equal tables, so that sessions are resumed", function()
    local server <close> = support.server "server"
    for i = 1, 2 do
      local s <close> = net.connect("localhost", server.port, { tls = support.trusting() })
      s:write("x")
      s:read_exact(1)
      assert.are.equal(i == 2, s:tls().resumed)
    end
  end)

  it("may give what is a matter of one connection", function()
    local server <close> = support.server "server"
    local context = tls.client(support.trusting { server_name = "server.test" })
    local s <close> = net.connect("127.0.0.1", server.port, { tls = context })
    assert.are.equal("server.test", s:tls().server_name)
    local t <close> = net.connect("127.0.0.1", server.port,
      { tls = { context = context, server_name = "localhost" } })
    assert.are.equal("localhost", t:tls().server_name)
  end)

  it("of clients can be reloaded, too", function()
    local server <close> = support.server "server"
    local context = tls.client { ca_file = file "rogue.pem" }
    assert.are.equal("UNKNOWN_CA",
      raises("tls", net.connect, "localhost", server.port, { tls = context }).code)
    context:reload(support.trusting())
    net.connect("localhost", server.port, { tls = context }):close()
  end)

  it("are not loaded by a script that has no use for them", function()
    local output = support.program([[
      local net = require "lull.net"
      local a, b = net.pair()
      print(a:tls(), package.loaded["lull.tls"], package.loaded["lull.tls.native"])
      local maps = io.open("/proc/self/maps")
      print(maps and maps:read("a"):find("libssl", 1, true))]])
    assert.are.equal("nil\tnil\tnil\nnil\n", output)
  end)
end)
