--- http_client_tls_spec.lua: https and HTTP/2, with nginx and nghttpd.

local http = require "lull.http"
local lull = require "lull"
local net = require "lull.net"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_http.lua")
local go, raises = support.go, support.raises

local MIB <const> = 1024 * 1024

describe("https", function()
  local dir, ca

  setup(function()
    dir = support.temp_dir()
    ca = support.authority(dir.path)
  end)

  teardown(function() dir:close() end)

  --- An nginx with a certificate for this name; nil and a pending test where there is none.
  local function nginx(name, opts)
    if not support.has "nginx" then pending("needs nginx") return nil end
    opts = opts or {}
    opts.tls = ca:issue(name, { file = opts.file or name, days = opts.days })
    opts.files = opts.files or { page = "hello" }
    return support.nginx(opts)
  end

  it("works with a certificate that is trusted", function()
    local peer <close> = nginx("localhost")
    if not peer then return end
    local url = ("https://localhost:%d/page"):format(peer.port)
    assert.are.equal("hello", http.get(url, { ca_file = ca.file }).body)
    local client <close> = http.client { ca_file = ca.file }
    assert.are.equal("hello", client:get(url).body)
  end)

  it("refuses a certificate that is not trusted, and says why and whose", function()
    local peer <close> = nginx("localhost")
    if not peer then return end
    local e = raises("tls", http.get, ("https://localhost:%d/page?secret"):format(peer.port))
    assert.are.equal("http.request", e.op)
    assert.is_truthy(e.message:find("the certificate of localhost is not accepted: ", 1, true))
    assert.is_truthy(e.message:find("unable to get local issuer certificate", 1, true))
    assert.is_nil(e.message:find("secret", 1, true))
  end)

  it("refuses a certificate that has expired", function()
    local peer <close> = nginx("localhost", { days = -1, file = "expired" })
    if not peer then return end
    local url = ("https://localhost:%d/page"):format(peer.port)
    local e = raises("tls", http.get, url, { ca_file = ca.file })
    assert.is_truthy(e.message:find("expired", 1, true), e.message)
  end)

  it("refuses a certificate of another name", function()
    local peer <close> = nginx("example.com")
    if not peer then return end
    local e = raises("tls", http.get, ("https://localhost:%d/page"):format(peer.port), { ca_file = ca.file })
    assert.is_truthy(e.message:find("localhost", 1, true))
    assert.is_truthy(e.message:find("name", 1, true), e.message)
  end)

  it("takes any certificate with verify = false, for this request only", function()
    local peer <close> = nginx("example.com")
    if not peer then return end
    local url = ("https://localhost:%d/page"):format(peer.port)
    local client <close> = http.client()
    assert.are.equal("hello", client:get(url, { verify = false }).body)
    raises("tls", client.get, client, url)
  end)

  it("trusts the authorities of ca_file and no others", function()
    local peer <close> = nginx("localhost")
    if not peer then return end
    local other <close> = support.temp_dir()
    local wrong = support.authority(other.path)
    local url = ("https://localhost:%d/page"):format(peer.port)
    raises("tls", http.get, url, { ca_file = wrong.file })
    local e = raises("tls", http.get, url, { ca_file = dir.path .. "/none.pem" })
    assert.is_truthy(e.message:find("none.pem", 1, true), e.message)
  end)

  it("shows a certificate of its own when asked to", function()
    local peer <close> = nginx("localhost", {
      http = ("ssl_verify_client on; ssl_client_certificate %s; location / { return 200 $ssl_client_s_dn; }")
        :format(ca.file),
    })
    if not peer then return end
    local url = ("https://localhost:%d/"):format(peer.port)
    local mine = ca:issue("me")
    local opts = { ca_file = ca.file, cert = mine.cert, key = mine.key }
    assert.is_truthy(http.get(url, opts).body:find("CN=me", 1, true))
    assert.are.equal(400, http.get(url, { ca_file = ca.file }).status)
  end)

  it("does not speak TLS with who does not", function()
    local peer <close> = support.raw(function(stream)
      stream:read_some()
      stream:write("HTTP/1.1 400 Bad\r\n\r\n")
    end)
    local e = raises("tls", http.get, (peer.url:gsub("http:", "https:")))
    assert.are.equal("NOT_TLS", e.code)
    assert.is_truthy(e.message:find("the peer does not speak TLS", 1, true), e.message)
    e = raises("tls", http.get, "https://name.invalid/", { proxy = (peer.url:gsub("http:", "https:")) })
    assert.are.equal("NOT_TLS", e.code)
    local named = ("the proxy 127.0.0.1:%d does not speak TLS"):format(peer.port)
    assert.is_truthy(e.message:find(named, 1, true), e.message)
  end)

  it("is refused without the certificate that the server requires, with the codes of lull.net", function()
    local identity = ca:issue("localhost", { file = "demanding" })
    for version, code in pairs { ["TLSv1.2"] = "ALERT_HANDSHAKE_FAILURE", ["TLSv1.3"] = "ALERT_CERTIFICATE_REQUIRED" } do
      local server <close> = net.serve({ tls = {
        cert = identity.cert, key = identity.key, client_ca = ca.file, verify = "require", max_version = version,
      }, on_handshake_error = function() end }, function(stream) stream:read "a" end)
      local e = raises("tls", http.get, ("https://localhost:%d/"):format(server.port), { ca_file = ca.file })
      assert.are.equal(code, e.code, e.message)
      local ok, plain = pcall(function()
        net.connect("localhost", server.port, { tls = { ca_file = ca.file } }):read "a"
      end)
      assert.is_false(ok)
      assert.are.equal(code, plain.code)
    end
  end)

  it("is HTTP/2 where the server has it, one connection for many requests", function()
    local peer <close> = nginx("localhost", {
      http2 = true, http = "location / { return 200 $connection; }", file = "h2",
    })
    if not peer then return end
    local client <close> = http.client { ca_file = ca.file }
    local url = ("https://localhost:%d/"):format(peer.port)
    local requests = {}
    for i = 1, 20 do requests[i] = function() return client:get(url) end end
    local connections = {}
    for _, res in ipairs(lull.gather(requests)) do
      assert.are.equal("2", res.version)
      connections[res.body] = true
    end
    local first = next(connections)
    assert.is_nil(next(connections, first))
    assert.are.equal("1.1", client:get(url, { http_version = "1.1" }).version)
  end)

  it("is HTTP/1.1 with as many connections where it has not", function()
    local peer <close> = nginx("localhost", { http = "location / { return 200 $server_protocol; }" })
    if not peer then return end
    local client <close> = http.client { ca_file = ca.file }
    local url = ("https://localhost:%d/"):format(peer.port)
    local function get() return client:get(url) end
    for _, res in ipairs { lull.gather(get, get, get) } do
      assert.are.equal("1.1", res.version)
      assert.are.equal("HTTP/1.1", res.body)
    end
  end)

  it("carries bodies both ways over HTTP/2", function()
    local peer <close> = nginx("localhost", {
      http2 = true, file = "h2", files = { big = ("x"):rep(8 * MIB) },
      http = "location /len { return 200 $content_length; }",
    })
    if not peer then return end
    local client <close> = http.client { ca_file = ca.file }
    local base = ("https://localhost:%d"):format(peer.port)
    assert.are.equal(8 * MIB, #client:get(base .. "/big").body)
    assert.are.equal("50000", client:post(base .. "/len", { body = ("x"):rep(50000) }).body)
    local res <close> = client:get(base .. "/big", { stream = true })
    assert.are.equal("2", res.version)
    local count = 0
    for piece in function() return res:read_some() end do count = count + #piece end
    assert.are.equal(8 * MIB, count)
  end)

  it("over HTTP/2 a body that nobody reads does not stop the others for good", function()
    local peer <close> = nginx("localhost", { http2 = true, file = "h2", files = {
      big = ("x"):rep(16 * MIB), small = "small",
    } })
    if not peer then return end
    local client <close> = http.client { ca_file = ca.file }
    local base = ("https://localhost:%d"):format(peer.port)
    local one <close> = client:get(base .. "/big", { stream = true })
    local two <close> = client:get(base .. "/big", { stream = true })
    assert.is_truthy(one:read_some())
    assert.is_truthy(two:read_some())
    for _ = 1, 3 do
      assert.are.equal("small", lull.timeout(20, client.get, client, base .. "/small").body)
    end
    local count = 0
    lull.timeout(20, function()
      for piece in function() return two:read_some() end do count = count + #piece end
    end)
    assert.is_true(count > 15 * MIB)
  end)

  it("is the same with nghttpd", function()
    if not support.has "nghttpd" then return pending("needs nghttpd") end
    local peer <close> = support.nghttpd {
      tls = ca:issue("localhost"), files = { page = "hello" }, options = "--trailer 'x-trailer: 1' --echo-upload",
    }
    local base = ("https://localhost:%d"):format(peer.port)
    local client <close> = http.client { ca_file = ca.file }
    local res = client:get(base .. "/page")
    assert.are.same({ "2", "hello" }, { res.version, res.body })
    assert.is_nil(res.headers["x-trailer"])
    local list = { ("a"):rep(50000), ("b"):rep(50000) }
    res = client:post(base .. "/echo", { body = function() return table.remove(list, 1) end })
    assert.are.equal(("a"):rep(50000) .. ("b"):rep(50000), res.body)
  end)

  it("is not needed for HTTP/2 with prior knowledge", function()
    if not support.has "nghttpd" then return pending("needs nghttpd") end
    local peer <close> = support.nghttpd { files = { page = "hello" } }
    local client <close> = http.client()
    for _ = 1, 3 do
      local res = client:get(peer.url .. "/page", { http_version = "2-prior" })
      assert.are.same({ "2", "hello" }, { res.version, res.body })
    end
  end)

  it("is cancelled in the middle of the handshake", function()
    local peer <close> = support.raw(function(stream) stream:read("a") end)
    local task = go(http.get, (peer.url:gsub("http:", "https:")))
    lull.sleep(0.02)
    task:cancel()
    support.ends("cancelled", task)
  end)
end)
