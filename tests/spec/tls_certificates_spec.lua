--- tls_certificates_spec.lua: whose certificate is accepted, and what is said of the others.

local lull = require "lull"
local net = require "lull.net"
local tls = require "lull.tls"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_tls.lua")
local file, raises = support.file, support.raises

--- Expect that a client refuses this server; the code and a part of the message.
local function expect_refusal(identity, code, part, more)
  local server <close> = support.server(identity)
  local e = support.refused(server, more)
  assert.are.equal(code, e.code)
  assert.are.equal("tls.handshake", e.op)
  support.says(e, part)
end

describe("a client", function()
  it("accepts a server whose chain leads to an authority that it trusts", function()
    local server <close> = support.server "server"
    local s <close> = support.connect(server)
    s:write("hello\n")
    assert.are.equal("hello", s:read())
    assert.is_true(s:tls().verified)
  end)

  it("accepts the certificate for its numeric addresses", function()
    local server <close> = support.server "server"
    local s <close> = net.connect("127.0.0.1", server.port, { tls = support.trusting() })
    assert.is_true(s:tls().verified)
    assert.are.equal("127.0.0.1", s:tls().server_name)
  end)

  it("accepts a wildcard for one label", function()
    local server <close> = support.server "wild"
    local s <close> = support.connect(server, { server_name = "a.wild.test" })
    assert.is_true(s:tls().verified)
    assert.are.equal("HOSTNAME_MISMATCH",
      support.refused(server, { server_name = "a.b.wild.test" }).code)
  end)

  it("takes a name in any case, and with its final dot", function()
    local server <close> = support.server "server"
    for _, name in ipairs { "SERVER.test", "server.test." } do
      local s <close> = support.connect(server, { server_name = name })
      assert.is_true(s:tls().verified)
    end
  end)

  it("refuses one that has expired", function()
    expect_refusal("expired", "CERT_EXPIRED",
      "certificate of localhost (CN=localhost,O=Test, issuer CN=Intermediate,O=Test) has expired on "
      .. "2021-02-03 04:05:06 UTC")
  end)

  it("refuses one that is not valid yet", function()
    expect_refusal("future", "CERT_NOT_YET_VALID", "is not valid before 2049-02-03 04:05:06 UTC")
  end)

  it("refuses one for another name", function()
    expect_refusal("other", "HOSTNAME_MISMATCH", "is not for this name: it is for other.test")
  end)

  it("refuses one for another address", function()
    local server <close> = support.server "other"
    local e = raises("tls", net.connect, "127.0.0.1", server.port, { tls = support.trusting() })
    assert.are.equal("HOSTNAME_MISMATCH", e.code)
    support.says(e, "is not for this address")
  end)

  it("does not look for names in the subject", function()
    local server <close> = support.server "noname"
    local e = support.refused(server, { server_name = "noname.test" })
    assert.are.equal("HOSTNAME_MISMATCH", e.code)
    support.says(e, "it is for no name at all")
  end)

  it("refuses one that is self-signed", function()
    expect_refusal("self", "SELF_SIGNED", "is self-signed, and not trusted")
  end)

  it("accepts a self-signed one that it trusts", function()
    local server <close> = support.server "self"
    local s <close> = support.connect(server, { ca_file = file "self.pem" })
    assert.is_true(s:tls().verified)
  end)

  it("refuses one from an authority that it does not know", function()
    expect_refusal("server", "UNKNOWN_CA", "comes from an issuer that is not trusted",
      { ca_file = file "rogue.pem" })
  end)

  it("refuses one whose intermediate authority was not sent", function()
    local identity = { cert = file "alone.pem", key = file "server.key" }
    expect_refusal(identity, "UNKNOWN_CA", "or whose own certificate was not sent")
  end)

  it("accepts an intermediate authority as an anchor", function()
    local server <close> = support.server { cert = file "alone.pem", key = file "server.key" }
    local s <close> = support.connect(server, { ca_file = file "inter.crt" })
    assert.is_true(s:tls().verified)
  end)

  it("refuses one that was revoked, if it has a list that says so", function()
    expect_refusal("revoked", "CERT_REVOKED", "has been revoked", { crl_file = file "crl.pem" })
    local server <close> = support.server "server"
    local s <close> = support.connect(server, { crl_file = file "crl.pem" })
    assert.is_true(s:tls().verified)
  end)

  it("refuses one that it cannot check for revocation", function()
    expect_refusal("server", "CRL_EXPIRED", "list of its issuer has expired",
      { crl_file = file "oldcrl.pem" })
    expect_refusal("self", "CRL_MISSING", "there is no revocation list of its issuer",
      { crl_file = file "crl.pem", ca_file = file "self.pem" })
  end)

  it("refuses one that is made for clients", function()
    expect_refusal("purpose", "WRONG_PURPOSE", "is not made for this purpose")
  end)

  it("refuses weak keys and signatures", function()
    local weak = { ciphers = "DEFAULT@SECLEVEL=0" } -- else the server would not load it
    expect_refusal(support.identity("weakkey", weak), "WEAK", "has a key that is too weak")
    expect_refusal(support.identity("weaksig", weak), "WEAK", "has a signature that is too weak")
  end)

  it("accepts all of these when it is told not to verify", function()
    for _, name in ipairs { "expired", "other", "self", "revoked" } do
      local server <close> = support.server(name)
      local s <close> = net.connect("localhost", server.port, { tls = { verify = false } })
      s:write("x")
      assert.are.equal("x", s:read_exact(1))
      assert.is_false(s:tls().verified)
    end
  end)

  it("takes authorities as a text and as a folder", function()
    local server <close> = support.server "server"
    local text <close> = support.connect(server, { ca = support.text "ca.pem" })
    assert.is_true(text:tls().verified)
    local path = file "folder"
    os.execute(("mkdir -p %s && cp %s %s && openssl rehash %s"):format(path, file "ca.pem", path, path))
    local s <close> = net.connect("localhost", server.port, { tls = { ca_path = path } })
    assert.is_true(s:tls().verified)
  end)

  it("trusts what the system trusts, by default", function()
    local code = [[
      local net = require "lull.net"
      local server <close> = net.serve({ tls = { cert = "%s", key = "%s" } }, function() end)
      local ok, e = pcall(net.connect, "localhost", server.port, { tls = true })
      print(ok and e:tls().verified or e.code)]]
    code = code:format(file "server.pem", file "server.key")
    assert.are.equal("true\n", support.program(code, "SSL_CERT_FILE=" .. file "ca.pem"))
    assert.are.equal("UNKNOWN_CA\n", support.program(code, "SSL_CERT_FILE=" .. file "rogue.pem"))
  end)

  it("asks for one certificate by its fingerprint", function()
    local server <close> = support.server "self"
    local s <close> = net.connect("localhost", server.port, { tls = { verify = false } })
    local print = s:tls().peer.fingerprint_sha256
    local spaced = print:upper():gsub("%x%x", "%0:"):sub(1, -2)
    for _, given in ipairs { print, spaced, { ("0"):rep(64), print } } do
      local t <close> = net.connect("localhost", server.port,
        { tls = { verify = false, fingerprint = given } })
      assert.is_table(t:tls())
    end
    local e = raises("tls", net.connect, "localhost", server.port,
      { tls = { verify = false, fingerprint = ("0"):rep(64) } })
    assert.are.equal("FINGERPRINT_MISMATCH", e.code)
  end)
end)

describe("a server that asks for certificates", function()
  --- A server that tells what it thinks of its client; what it refused is in `errors`.
  local function asking(more)
    local errors = {}
    local opts = support.identity("server", more)
    opts.client_ca = opts.client_ca or file "ca.pem"
    local server = support.server(opts, {
      on_handshake_error = function(e) errors[#errors + 1] = e end,
    }, function(stream)
      local seen = stream:tls()
      stream:write(seen.peer and seen.peer.subject or "nobody", " ", tostring(seen.verified), "\n")
    end)
    return server, errors
  end

  --- What the server says; raises what the client gets.
  local function answer(server, more)
    local s <close> = support.connect(server, more)
    return s:read()
  end

  --- What the server's side of a failed handshake was.
  local function error_of(errors)
    for _ = 1, 200 do
      if errors[1] then return errors[1] end
      lull.sleep(0.005)
    end
  end

  it("sees who the client is", function()
    local server <close> = asking()
    assert.are.equal("CN=client,O=Test true", answer(server, support.identity "client"))
  end)

  for _, version in ipairs { "TLSv1.2", "TLSv1.3" } do
    it("refuses a client without one, by " .. version, function()
      local server <close>, errors = asking()
      local e = raises("tls", answer, server, { max_version = version })
      assert.are.equal(version == "TLSv1.2" and "ALERT_HANDSHAKE_FAILURE" or "ALERT_CERTIFICATE_REQUIRED",
        e.code)
      assert.are.equal("CERTIFICATE_REQUIRED", error_of(errors).code)
      if version == "TLSv1.3" then
        support.says(e, "the peer refused our certificate: alert certificate_required")
      end
    end)

    it("refuses a client with one from somewhere else, by " .. version, function()
      local server <close>, errors = asking()
      local e = raises("tls", answer, server, support.identity("rogue", { max_version = version }))
      assert.are.equal("ALERT_UNKNOWN_CA", e.code)
      assert.are.equal("SELF_SIGNED", error_of(errors).code)
      support.says(error_of(errors), "certificate of the client (CN=Rogue,O=Test")
    end)
  end

  it("takes whoever comes when they are optional", function()
    local server <close>, errors = asking { verify = "optional" }
    assert.are.equal("nobody false", answer(server))
    assert.are.equal("CN=client,O=Test true", answer(server, support.identity "client"))
    raises("tls", answer, server, support.identity "rogue")
    assert.are.equal("SELF_SIGNED", error_of(errors).code)
  end)

  it("refuses one that was revoked", function()
    local server <close>, errors = asking { crl_file = file "crl.pem" }
    local e = raises("tls", answer, server, support.identity "revoked")
    assert.are.equal("ALERT_CERTIFICATE_REVOKED", e.code)
    assert.are.equal("CERT_REVOKED", error_of(errors).code)
  end)

  it("knows a client that resumes its session", function()
    local server <close> = asking()
    local context = tls.client(support.trusting(support.identity "client"))
    for i = 1, 2 do
      local s <close> = net.connect("localhost", server.port, { tls = context })
      assert.are.equal("CN=client,O=Test true", s:read())
      assert.are.equal(i == 2, s:tls().resumed)
    end
  end)
end)
