--- http_client_redirect_spec.lua: redirections, and what they must not take along.

local http = require "lull.http"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_http.lua")

--- A peer that redirects as `targets` says (by path: {status, location}), and else says "here".
--- `.asked` has every request.
local function redirecting(targets)
  local peer
  peer = support.raw(support.answering(function(first, fields, body)
    local method, path = first:match("^(%S+) (%S+)")
    peer.asked[#peer.asked + 1] = { method = method, path = path, fields = fields, body = body }
    local target = targets[path]
    if not target then return support.response("200 OK", method == "HEAD" and "" or "here") end
    return support.response(target[1] .. " Moved", method == "HEAD" and "" or "elsewhere",
      target[2] and "Location: " .. target[2])
  end))
  peer.asked = {}
  return peer
end

local function last(peer)
  return peer.asked[#peer.asked]
end

describe("a redirection", function()
  it("is followed, relative or not, and the response says so", function()
    local peer <close> = redirecting { ["/a/b"] = { 302, "../c?x=1#f" }, ["/c?x=1"] = { 301, "/d" } }
    local res = http.get(peer.url .. "/a/b")
    assert.are.equal("here", res.body)
    assert.are.equal(peer.url .. "/d", res.url)
    assert.are.equal(2, res.redirects)
    assert.are.equal(1, peer.count) -- one connection
  end)

  it("may lead to another host", function()
    local other <close> = redirecting {}
    local peer <close> = redirecting { ["/"] = { 307, other.url .. "/x" } }
    assert.are.equal(other.url .. "/x", http.get(peer.url).url)
  end)

  it("is the response when it names no place, or when none are to be followed", function()
    local peer <close> = redirecting { ["/"] = { 302 }, ["/x"] = { 302, "/y" } }
    local res = http.get(peer.url)
    assert.are.equal(302, res.status)
    assert.are.equal("elsewhere", res.body)
    assert.are.equal(302, http.get(peer.url .. "/x", { max_redirects = 0 }).status)
    local client <close> = http.client { max_redirects = 0 }
    assert.are.equal("elsewhere", client:get(peer.url .. "/x").body)
  end)

  it("is followed so often and no more", function()
    local peer <close> = redirecting { ["/?secret"] = { 302, "/?secret" } }
    local e = support.raises("http", http.get, peer.url .. "/?secret")
    assert.are.equal(11, #peer.asked)
    assert.are.equal("http.request", e.op)
    assert.is_nil(e.message:find("secret", 1, true))
    local two <close> = redirecting { ["/a"] = { 302, "/b" }, ["/b"] = { 302, "/c" } }
    assert.are.equal(200, http.get(two.url .. "/a", { max_redirects = 2 }).status)
    support.raises("http", http.get, two.url .. "/a", { max_redirects = 1 })
  end)

  it("to anything but http and https is an error", function()
    for _, location in ipairs { "file:///etc/passwd", "ftp://127.0.0.1/", "javascript:alert(1)", "http://", "dict://x:1/" } do
      local peer <close> = redirecting { ["/"] = { 302, location } }
      support.raises("http", http.get, peer.url)
      assert.are.equal(1, #peer.asked)
    end
  end)

  it("changes POST to GET, but for 307 and 308", function()
    local targets = {}
    for _, status in ipairs { 301, 302, 303, 307, 308 } do targets["/" .. status] = { status, "/there" } end
    local peer <close> = redirecting(targets)
    for _, case in ipairs {
      { 301, "POST", "GET" }, { 302, "POST", "GET" }, { 303, "POST", "GET" }, { 307, "POST", "POST" },
      { 308, "POST", "POST" }, { 301, "PUT", "PUT" }, { 302, "PUT", "PUT" }, { 303, "PUT", "GET" },
      { 303, "HEAD", "HEAD" }, { 301, "GET", "GET" }, { 302, "DELETE", "DELETE" },
    } do
      local status, method, after = table.unpack(case)
      local body = (method == "POST" or method == "PUT") and "data" or nil
      http.request { url = peer.url .. "/" .. status, method = method, body = body,
        headers = { ["Content-Type"] = "text/x", ["X-Kept"] = "1" } }
      local what = ("%s after %d"):format(method, status)
      assert.are.equal(after, last(peer).method, what)
      assert.are.equal(after == method and body or "", last(peer).body, what)
      assert.are.equal("1", last(peer).fields["x-kept"], what)
      if after ~= method then assert.is_nil(last(peer).fields["content-type"], what) end
    end
  end)

  it("of a body that was sent piece by piece cannot be followed with it", function()
    local peer <close> = redirecting { ["/keep"] = { 307, "/there" }, ["/drop"] = { 303, "/there" } }
    local function pieces()
      local list = { "a", "b" }
      return function() return table.remove(list, 1) end
    end
    local headers = { ["Content-Length"] = 2 }
    local e = support.raises("http", http.post, peer.url .. "/keep", { body = pieces(), headers = headers })
    assert.is_truthy(e.message:find("twice", 1, true))
    assert.are.equal("here", http.post(peer.url .. "/drop", { body = pieces(), headers = headers }).body)
  end)

  it("is followed when the response is streamed, whose connection is kept", function()
    local peer <close> = redirecting { ["/"] = { 302, "/there" } }
    local client <close> = http.client()
    local res <close> = client:get(peer.url, { stream = true })
    assert.are.equal("here", res:read("a"))
    assert.are.equal(1, peer.count)
  end)

  it("with an endless body is followed all the same", function()
    local peer <close> = support.raw(function(stream)
      local first = support.read_head(stream)
      if first:find("/there", 1, true) then
        stream:write(support.response("200 OK", "here"))
      else
        stream:write("HTTP/1.1 302 Found\r\nLocation: /there\r\n\r\n")
        pcall(function()
          while true do stream:write(("x"):rep(65536)) end
        end)
      end
    end)
    assert.are.equal("here", http.get(peer.url).body)
    assert.are.equal("here", http.get(peer.url, { stream = true }):read("a"))
  end)

  it("counts for the time of everything", function()
    local peer <close> = redirecting { ["/"] = { 302, "/" } }
    support.raises("timeout", http.get, peer.url, { timeout = 0.05, max_redirects = 1000000 })
  end)
end)

describe("to another origin a redirection takes along", function()
  local SECRETS <const> = {
    { "an Authorization header", { headers = { Authorization = "secret" } }, "authorization" },
    { "a Cookie header", { headers = { cookie = "a=secret" } }, "cookie" },
    { "basic authentication", { auth = { user = "u", password = "secret" } }, "authorization" },
    { "a bearer token", { auth = { bearer = "secret" } }, "authorization" },
    { "cookies of the request", { cookies = { a = "secret" } }, "cookie" },
  }

  for _, secret in ipairs(SECRETS) do
    local what, opts, field = table.unpack(secret)

    it("not " .. what .. ", when the port differs", function()
      local other <close> = redirecting {}
      local peer <close> = redirecting { ["/"] = { 302, other.url .. "/" } }
      http.get(peer.url .. "/", opts)
      assert.is_truthy(last(peer).fields[field])
      assert.is_nil(last(other).fields[field])
    end)

    it("not " .. what .. ", when the host differs", function()
      local peer <close> = redirecting {}
      local targets = { ["/"] = { 302, peer.url:gsub("127.0.0.1", "localhost") .. "/there" } }
      local first <close> = redirecting(targets)
      targets["/"][2] = first.url:gsub("127.0.0.1", "localhost") .. "/there"
      http.get(first.url .. "/", opts)
      assert.is_truthy(first.asked[1].fields[field])
      assert.are.equal("/there", last(first).path)
      assert.is_nil(last(first).fields[field])
    end)

    it(what .. " when it is the same after all", function()
      local targets = { ["/"] = { 302, "/there" } }
      local peer <close> = redirecting(targets)
      http.get(peer.url .. "/", opts)
      assert.are.equal("/there", last(peer).path)
      assert.is_truthy(last(peer).fields[field])
    end)
  end

  it("not the name of the first host", function()
    local other <close> = redirecting {}
    local targets = { ["/"] = { 302, "/near" }, ["/near"] = { 302, other.url .. "/" } }
    local peer <close> = redirecting(targets)
    http.get(peer.url .. "/", { headers = { Host = "first.example" } })
    assert.are.equal("first.example", last(peer).fields.host)
    assert.are.equal(other.url:match("//(.*)"), last(other).fields.host)
  end)

  it("no certificate of the client", function()
    if not support.has "nginx" then return pending("needs nginx") end
    local dir <close> = support.temp_dir()
    local ca = support.authority(dir.path)
    local asks = ("ssl_verify_client optional; ssl_client_certificate %s;"):format(ca.file)
    local other <close> = support.nginx {
      tls = ca:issue("127.0.0.1"), http = asks .. "location / { return 200 [$ssl_client_s_dn]; }",
    }
    local peer <close> = support.nginx {
      tls = ca:issue("127.0.0.1"), http = asks .. ([[
        location /far { return 302 %s/there; }
        location /near { return 302 /here; }
        location / { return 200 [$ssl_client_s_dn]; }]]):format(other.url),
    }
    local mine = ca:issue("me")
    local opts = { ca_file = ca.file, cert = mine.cert, key = mine.key }
    local client <close> = http.client(opts)
    assert.are.equal("[CN=me]", http.get(peer.url .. "/near", opts).body)
    assert.are.equal("[CN=me]", client:get(other.url .. "/").body)
    assert.are.equal("[]", http.get(peer.url .. "/far", opts).body)
    assert.are.equal("[]", client:get(peer.url .. "/far").body)
  end)

  it("nothing secret when it is on the way back, either", function()
    local targets = {}
    local peer <close> = redirecting(targets)
    local other <close> = redirecting { ["/"] = { 302, peer.url .. "/back" } }
    targets["/"] = { 302, other.url .. "/" }
    http.get(peer.url .. "/", { auth = { bearer = "secret" } })
    assert.are.equal("/back", last(peer).path)
    assert.is_nil(last(peer).fields["authorization"])
  end)

  it("no name and password that are in its URL", function()
    local other <close> = redirecting {}
    local peer <close> = redirecting { ["/"] = { 302, (other.url:gsub("//", "//u:p@")) } }
    local res = http.get(peer.url .. "/")
    assert.is_nil(last(other).fields["authorization"])
    assert.is_nil(res.url:find("u:p", 1, true))
  end)

  it("no secrets from https to http", function()
    if not support.has "nginx" then return pending("needs nginx") end
    local plain <close> = redirecting {}
    local dir <close> = support.temp_dir()
    local ca = support.authority(dir.path)
    local tls <close> = support.nginx {
      tls = ca:issue("127.0.0.1"), http = ("location / { return 302 %s/there; }"):format(plain.url),
    }
    for _, secret in ipairs(SECRETS) do
      local opts = { ca_file = ca.file }
      for key, value in pairs(secret[2]) do opts[key] = value end
      http.get(tls.url .. "/", opts)
      assert.are.equal("/there", last(plain).path)
      assert.is_nil(last(plain).fields[secret[3]], secret[1])
    end
  end)
end)
