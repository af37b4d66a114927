--- http_client_proxy_spec.lua: requests that go through others, and those that go past names.

local http = require "lull.http"
local lull = require "lull"
local net = require "lull.net"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_http.lua")
local raises = support.raises

--- A server that answers with the first line of the request and its fields.
local function telling()
  local peer
  peer = support.raw(support.answering(function(first, fields)
    peer.fields = fields
    return support.response("200 OK", first)
  end))
  return peer
end

--- Copy bytes from one stream to the other, to the end.
local function copy(from, to)
  pcall(function()
    for piece in function() return from:read_some() end do to:write(piece) end
    to:shutdown()
  end)
end

--- A SOCKS5 proxy (RFC 1928), with a password (RFC 1929) if `credentials` says so.  `.targets` are
--- the hosts it was asked for.
local function socks5(credentials)
  local peer
  local function serve(stream)
    local _, count = stream:read_exact(2):byte(1, 2)
    stream:read_exact(count)
    stream:write("\5", credentials and "\2" or "\0")
    if credentials then
      local user = stream:read_exact(stream:read_exact(2):byte(2))
      local password = stream:read_exact(stream:read_exact(1):byte())
      local good = user .. ":" .. password == credentials
      stream:write("\1", good and "\0" or "\1")
      if not good then return end
    end
    local kind = stream:read_exact(4):byte(4)
    local host
    if kind == 1 then
      host = table.concat({ stream:read_exact(4):byte(1, 4) }, ".")
    elseif kind == 3 then
      host = stream:read_exact(stream:read_exact(1):byte())
    else
      stream:read_exact(16)
      host = "::1"
    end
    local high, low = stream:read_exact(2):byte(1, 2)
    peer.targets[#peer.targets + 1] = host
    local ok, target = pcall(net.connect, host == "service.test" and "127.0.0.1" or host, high * 256 + low)
    if not ok then
      stream:write("\5\5\0\1\0\0\0\0\0\0")
      return
    end
    local _ <close> = target
    stream:write("\5\0\0\1\0\0\0\0\0\0")
    lull.group(function(group)
      group:spawn(copy, stream, target)
      copy(target, stream)
    end)
  end
  peer = support.raw(serve)
  peer.targets = {}
  return peer
end

describe("an HTTP proxy", function()
  it("is asked for whole URLs", function()
    local server <close> = telling()
    local proxy <close> = telling()
    local res = http.get("http://name.invalid/path", { proxy = proxy.url })
    assert.are.equal("GET http://name.invalid/path HTTP/1.1", res.body)
    assert.are.equal(0, server.count)
  end)

  it("gets its credentials, and the server does not", function()
    local proxy <close> = telling()
    http.get("http://name.invalid/", { proxy = (proxy.url:gsub("//", "//user:pass@")) })
    assert.are.equal("Basic dXNlcjpwYXNz", proxy.fields["proxy-authorization"])
    http.get("http://name.invalid/", { proxy = proxy.url, headers = { ["Proxy-Authorization"] = "mine" } })
    assert.are.equal("mine", proxy.fields["proxy-authorization"])
    local server <close> = telling()
    http.get(server.url, { headers = { ["Proxy-Authorization"] = "mine" } })
    assert.is_nil(server.fields["proxy-authorization"])
  end)

  it("that refuses to connect is named as such", function()
    local proxy <close> = support.raw(support.answering(function()
      return support.response("403 Forbidden", "")
    end))
    local e = raises("http", http.get, "https://name.invalid/", { proxy = (proxy.url:gsub("//", "//u:secret@")) })
    assert.are.equal(403, e.status)
    assert.is_truthy(e.message:find("the proxy answered with status 403", 1, true))
    assert.is_nil(e.message:find("secret", 1, true))
  end)

  it("that is not there is an error that does not tell its password", function()
    local address = ("127.0.0.1:%d"):format(support.free_port())
    for _, scheme in ipairs { "http", "https", "socks5h" } do
      local url = ("%s://u:secret@%s/"):format(scheme, address)
      local e = raises("io", http.get, "http://name.invalid/", { proxy = url })
      assert.is_nil(tostring(e):find("secret", 1, true))
      assert.is_truthy(e.message:find(("cannot connect to the proxy %s$"):format(address)), e.message)
      assert.are.equal("ECONNREFUSED", e.code)
    end
  end)

  for _, name in ipairs { "tinyproxy", "squid" } do
    it("is " .. name .. ", for http and through a tunnel for https", function()
      if not support.has(name) then return pending("needs " .. name) end
      if not support.has "nginx" then return pending("needs nginx") end
      local dir <close> = support.temp_dir()
      local ca = support.authority(dir.path)
      local plain <close> = support.nginx { files = { page = "plain" } }
      local tls <close> = support.nginx { files = { page = "tls" }, tls = ca:issue("127.0.0.1"), http2 = true }
      local proxy <close> = support[name](name == "squid"
        and ("acl ssl_ports port %d"):format(tls.port) or ("ConnectPort %d"):format(tls.port))
      local client <close> = http.client { proxy = proxy.url, ca_file = ca.file }
      assert.are.equal("plain", client:get(plain.url .. "/page").body)
      local res = client:get(tls.url .. "/page")
      assert.are.same({ "tls", "2" }, { res.body, res.version })
      assert.are.equal("tls", client:get(tls.url .. "/page").body)
    end)
  end

  it("may ask for a password", function()
    if not support.has "tinyproxy" then return pending("needs tinyproxy") end
    local server <close> = telling()
    local proxy <close> = support.tinyproxy("BasicAuth user pass")
    assert.are.equal(407, http.get(server.url, { proxy = proxy.url }).status)
    local good = proxy.url:gsub("//", "//user:pass@")
    assert.are.equal(200, http.get(server.url, { proxy = good }).status)
  end)
end)

describe("a SOCKS proxy", function()
  it("gets addresses from us with socks5, names with socks5h", function()
    local server <close> = telling()
    local proxy <close> = socks5()
    local address = ("127.0.0.1:%d"):format(proxy.port)
    assert.are.equal("GET /x HTTP/1.1", http.get(server.url .. "/x", { proxy = "socks5://" .. address }).body)
    local named = ("http://service.test:%d/y"):format(server.port)
    assert.are.equal("GET /y HTTP/1.1", http.get(named, { proxy = "socks5h://" .. address }).body)
    assert.are.same({ "127.0.0.1", "service.test" }, proxy.targets)
    raises("dns", http.get, "http://no-such-host.invalid/", { proxy = "socks5://" .. address })
  end)

  it("may ask for a password", function()
    local server <close> = telling()
    local proxy <close> = socks5 "user:pass"
    local function get(credentials)
      return http.get(server.url, { proxy = ("socks5h://%s127.0.0.1:%d"):format(credentials, proxy.port) })
    end
    assert.are.equal(200, get("user:pass@").status)
    local e = raises("io", get, "user:wrong@")
    assert.is_nil(tostring(e):find("wrong", 1, true))
  end)

  it("that cannot reach the server says so", function()
    local proxy <close> = socks5()
    local url = ("http://127.0.0.1:%d/"):format(support.free_port())
    raises("io", http.get, url, { proxy = ("socks5h://127.0.0.1:%d"):format(proxy.port) })
  end)

  it("may be one of version 4", function()
    local server <close> = telling()
    local asked
    local proxy <close> = support.raw(function(stream)
      local _, _, high, low = stream:read_exact(4):byte(1, 4)
      local ip = { stream:read_exact(4):byte(1, 4) }
      stream:read_until("\0")
      asked = table.concat(ip, ".")
      local target <close> = net.connect("127.0.0.1", high * 256 + low)
      stream:write("\0\90\0\0\0\0\0\0")
      lull.group(function(group)
        group:spawn(copy, stream, target)
        copy(target, stream)
      end)
    end)
    assert.are.equal(200, http.get(server.url, { proxy = ("socks4://127.0.0.1:%d"):format(proxy.port) }).status)
    assert.are.equal("127.0.0.1", asked)
  end)
end)

describe("the proxy of the environment", function()
  local SCRIPT <const> = [[
    local http = require "lull.http"
    local client = http.client(%s)
    local ok, res = pcall(client.get, client, %q)
    io.write(ok and res.body or tostring(res))
  ]]

  --- What a program prints that asks us: it is another process, and must not stop this one.
  local function answer(environment, url, opts)
    local dir <close> = support.temp_dir()
    local script = support.write_file(dir.path .. "/script.lua", SCRIPT:format(opts or "{}", url))
    local output = support.write_file(dir.path .. "/output", "")
    local lull_path = os.getenv "LULL" or (os.getenv "LULL_BUILD" or "build") .. "/lull"
    os.execute(("env %s timeout 50 '%s' %s >%s 2>&1 &"):format(environment, lull_path, script, output))
    for _ = 1, 10000 do
      local text = support.read_file(output)
      if text ~= "" then return text end
      lull.sleep(0.005)
    end
  end

  it("is used, but for hosts that are exempt, and unless it is switched off", function()
    local proxy <close> = telling()
    local server <close> = telling()
    local variable = "http_proxy=" .. proxy.url
    assert.are.equal("GET http://name.invalid/a HTTP/1.1", answer(variable, "http://name.invalid/a"))
    assert.are.equal("GET /b HTTP/1.1", answer(variable .. " no_proxy=127.0.0.1", server.url .. "/b"))
    assert.are.equal("GET /c HTTP/1.1", answer(variable, server.url .. "/c", "{ proxy = false }"))
    assert.are.equal("GET /d HTTP/1.1", answer("HTTP_PROXY=" .. proxy.url, server.url .. "/d"))
  end)

  it("is an error that names the variable, not its password, where it is none", function()
    local server <close> = telling()
    for variable, value in pairs {
      http_proxy = "gopher://u:secret@127.0.0.1:1", ALL_PROXY = "http://u:secret@127.0.0.1:port",
    } do
      local said = answer(variable .. "=" .. value, server.url)
      assert.is_truthy(said:find("usage: ", 1, true), said)
      assert.is_truthy(said:find("the variable " .. variable .. " is not the URL of a proxy", 1, true), said)
      assert.is_nil(said:find("secret", 1, true))
    end
    assert.are.equal(0, server.count)
    local wrong = "http_proxy=gopher://127.0.0.1:1 no_proxy=127.0.0.1"
    assert.are.equal("GET /a HTTP/1.1", answer(wrong, server.url .. "/a"))
    assert.are.equal("GET /b HTTP/1.1", answer("http_proxy=x:y:z", server.url .. "/b", "{ proxy = false }"))
    assert.are.equal("GET /c HTTP/1.1", answer("https_proxy=x:y:z", server.url .. "/c"))
  end)

  it("exempts domains and what is below them", function()
    local exempt = require "lull.http.proxy".is_exempt
    local list = { "example.com", "10.0.0.1", "::1" }
    for host, expected in pairs {
      ["example.com"] = true, ["www.example.com"] = true, ["notexample.com"] = false, ["10.0.0.1"] = true,
      ["10.0.0.10"] = false, ["[::1]"] = true, ["com"] = false,
    } do
      assert.are.equal(expected, exempt(list, host), host)
    end
    assert.is_true(exempt({ "*" }, "any"))
  end)
end)

describe("a Unix socket", function()
  it("is used in place of the host", function()
    local path <const>, _ <close> = support.socket_path()
    local server <close> = support.raw(support.answering(function(first, fields)
      return support.response("200 OK", first .. " at " .. fields.host)
    end), { path = path })
    assert.are.equal("GET /x HTTP/1.1 at service", http.get("http://service/x", { unix_socket = path }).body)
    local client <close> = http.client { unix_socket = path }
    assert.are.equal("GET /y HTTP/1.1 at service", client:get("http://service/y").body)
    assert.are.equal(2, server.count)
  end)

  it("that is not there is an error", function()
    local e = raises("io", http.get, "http://service/", { unix_socket = "/nowhere/socket" })
    assert.are.equal("http.request", e.op)
    assert.are.equal("ENOENT", e.code)
    assert.is_truthy(e.message:find("cannot connect to the Unix socket /nowhere/socket", 1, true), e.message)
  end)
end)
