--- http_client_parts_spec.lua: the parts of the client that need no peer.

local headers = require "lull.http.headers"
local native = require "lull.curl.native"
local proxy = require "lull.http.proxy"
local url = require "lull.http.url"

describe("a URL", function()
  it("is taken apart", function()
    for text, expected in pairs {
      ["http://host"] = { "http://host", "http", "host", 80 },
      ["https://host/"] = { "https://host/", "https", "host", 443 },
      ["http://host:8080/a?b#c"] = { "http://host:8080/a?b", "http", "host", 8080 },
      ["http://host?a"] = { "http://host?a", "http", "host", 80 },
      ["http://127.0.0.1:1/"] = { "http://127.0.0.1:1/", "http", "127.0.0.1", 1 },
      ["http://[::1]:80/"] = { "http://[::1]:80/", "http", "[::1]", 80 },
      ["HTTP://Host/Path"] = { "http://Host/Path", "http", "host", 80 },
      ["http://u:p%40@host/"] = { "http://host/", "http", "host", 80, "u", "p@" },
      ["http://host/a b"] = { "http://host/a%20b", "http", "host", 80 },
    } do
      assert.are.same(expected, { url.parse(text) }, text)
    end
  end)

  it("that looks like an address goes where curl says", function()
    for text, host in pairs {
      ["http://127.1/"] = "127.0.0.1", ["http://0x7f.1/"] = "127.0.0.1", ["http://2130706433/"] = "127.0.0.1",
      ["http://0177.0.0.1/"] = "127.0.0.1",
    } do
      assert.is_nil(native.plain_url(text), text)
      assert.are.equal(host, (select(3, url.parse(text))), text)
    end
  end)

  it("is not plain when it could be read in two ways", function()
    for _, text in ipairs {
      "http://a@b/", "http://a:b@c/", "http://a\\b/", "http://a/\\b", "http://a:/", "http://a:0/", "http://a:65536/",
      "http://a:x/", "http://a:1x/", "http://a..b/", "http://a./", "http://.a/", "http://", "http:///a", "http:/a",
      "http://A/", "http://a b/", "http://a/ b", "http://\195\164/", "http://a%41/", "ftp://a/", "//a/", "http://a_b/",
      "http://1.2.3/", "http://1.2.3.4.5/", "http://1.2.3.256/", "http://01.2.3.4/", "http://1.2.3.4x/", "http://a.1/",
    } do
      assert.is_nil(native.plain_url(text), text)
    end
  end)

  it("that is plain is the same for curl", function()
    local random = math.random
    local alphabet <const> = "aZ09.-:/?#@[]\\%_ &=xn"
    local parts <const> = {
      "http://", "https://", "a", "host", "127.0.0.1", ".", ":", "80", "443", "/", "?", "#", "@", "%2e",
    }
    local plain = 0
    for _ = 1, 20000 do
      local pieces = { parts[random(2)], parts[random(3, 5)] }
      for _ = 1, random(0, 4) do
        local at = random(#alphabet)
        pieces[#pieces + 1] = random() < 0.5 and parts[random(#parts)] or alphabet:sub(at, at)
      end
      local text = table.concat(pieces)
      local whole, scheme, host, port = native.plain_url(text)
      if whole then
        plain = plain + 1
        local _, other_scheme, other_host, other_port, user = native.url(text)
        assert.are.same({ scheme, host, tostring(port) }, { other_scheme, other_host, other_port }, text)
        assert.is_nil(user, text)
      end
    end
    assert.is_true(plain > 1000)
  end)

  it("is resolved against another", function()
    for reference, expected in pairs {
      ["x"] = "http://h/a/x", ["/x"] = "http://h/x", ["?x"] = "http://h/a/b?x", ["//g/x"] = "http://g/x",
      ["../x"] = "http://h/x", ["https://g/"] = "https://g/", ["x y"] = "http://h/a/x%20y", ["x#f"] = "http://h/a/x",
    } do
      assert.are.equal(expected, (url.resolve("http://h/a/b?c", reference)), reference)
    end
    assert.is_false((url.resolve("http://h/", "file:///etc/passwd")))
  end)

  it("gets a query", function()
    assert.are.equal("u?a=1", url.with_query("u", { a = 1 }))
    assert.are.equal("u?x&a=1", url.with_query("u?x", { a = 1 }))
    assert.are.equal("u?a=1", url.with_query("u?", { a = 1 }))
    assert.are.equal("u", url.with_query("u", {}))
    assert.are.equal("%26%3D%20%2B%25%C3%A4-._~=", url.fields { ["&= +%ä-._~"] = "" })
  end)
end)

describe("the head of a response", function()
  it("is read with whatever a server may write", function()
    local lists = headers.lists("HTTP/1.1 200 OK\r\nA: 1\r\na:2\r\nB:  x \r\nFolded: one\r\n  two\r\n" ..
      "broken\r\nC :3\nD:\r\n\r\n")
    assert.are.same({ a = { "1", "2" }, b = { "x" }, folded = { "one two" }, c = { "3" }, d = { "" } }, lists)
    assert.are.equal("OK", headers.reason("HTTP/1.1 200 OK\r\n"))
    assert.are.equal("", headers.reason("HTTP/2 200 \r\n"))
    assert.are.equal("", headers.reason("HTTP/1.1 200\r\n"))
  end)

  it("are read in linear time", function()
    local blanks = (" "):rep(1000000)
    local lists = headers.lists("HTTP/1.1 200 OK\r\nA: a" .. blanks .. "b\r\n\tc" .. blanks .. "d\r\n\r\n")
    assert.are.equal(2 * #blanks + 5, #lists.a[1])
  end)
end)

describe("a proxy's URL", function()
  it("is taken apart", function()
    for text, expected in pairs {
      ["http://p:1"] = { "http://p:1", "p", 1, true }, ["p:1"] = { "http://p:1", "p", 1, true },
      ["socks5://u:p@127.0.0.1"] = { "socks5://u:p@127.0.0.1:1080", "127.0.0.1", 1080, false },
      ["socks5h://[::1]:9"] = { "socks5h://[::1]:9", "[::1]", 9, true },
      ["https://p/"] = { "https://p:443", "p", 443, true }, ["http://p"] = { "http://p:80", "p", 80, true },
    } do
      local way = assert(proxy.parse(text), text)
      assert.are.same(expected, { way.url, way.host, way.port, way.remote }, text)
    end
    for _, text in ipairs {
      "", "http://", "ftp://p", "http://p:0", "http://p:x", "http://a b", "http://p/path", "x\ny",
    } do
      assert.is_nil(proxy.parse(text), text)
    end
  end)
end)
