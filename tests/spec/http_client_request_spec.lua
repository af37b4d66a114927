--- http_client_request_spec.lua: what a request says, and what is refused before it is made.

local http = require "lull.http"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_http.lua")
local misuse = support.misuse

--- A peer that answers with what it was asked; `.asked` is the last request.
local function echo()
  local peer
  peer = support.raw(support.answering(function(first, fields, body)
    peer.asked = { line = first, fields = fields, body = body }
    return support.response("200 OK", body)
  end))
  return peer
end

describe("a request", function()
  it("has the method of the function's name", function()
    local peer <close> = echo()
    for _, name in ipairs { "get", "post", "put", "patch", "delete" } do
      http[name](peer.url .. "/path")
      assert.are.equal(name:upper() .. " /path HTTP/1.1", peer.asked.line)
    end
  end)

  it("with HEAD has a response without a body", function()
    local peer <close> = support.raw(support.answering(function(first)
      assert(first:find("^HEAD /"))
      return "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    end))
    local res = http.head(peer.url)
    assert.are.equal("", res.body)
    assert.are.equal("5", res.headers["content-length"])
  end)

  it("may have any other method", function()
    local peer <close> = echo()
    http.request { url = peer.url .. "/", method = "PURGE" }
    assert.are.equal("PURGE / HTTP/1.1", peer.asked.line)
    http.request { url = peer.url .. "/", method = "options" }
    assert.are.equal("OPTIONS / HTTP/1.1", peer.asked.line)
    http.request { url = peer.url .. "/" }
    assert.are.equal("GET / HTTP/1.1", peer.asked.line)
  end)

  it("without a body has none, or an empty one where one is usual", function()
    local peer <close> = echo()
    http.get(peer.url)
    assert.is_nil(peer.asked.fields["content-length"])
    http.delete(peer.url)
    assert.is_nil(peer.asked.fields["content-length"])
    http.post(peer.url)
    assert.are.equal("0", peer.asked.fields["content-length"])
    assert.is_nil(peer.asked.fields["content-type"])
  end)

  it("carries a string as it is", function()
    local peer <close> = echo()
    local bytes = "\0\1\255\r\n"
    assert.are.equal(bytes, http.post(peer.url, { body = bytes }).body)
    assert.is_nil(peer.asked.fields["content-type"])
    assert.is_nil(peer.asked.fields["expect"])
    assert.are.equal("x", http.delete(peer.url, { body = "x" }).body)
    assert.is_truthy(peer.asked.line:find("^DELETE "))
  end)

  it("carries a form, its names in order", function()
    local peer <close> = echo()
    http.post(peer.url, { form = { b = "x y&z", a = { 1, true }, ["ä"] = "" } })
    assert.are.equal("a=1&a=true&b=x%20y%26z&%C3%A4=", peer.asked.body)
    assert.are.equal("application/x-www-form-urlencoded", peer.asked.fields["content-type"])
  end)

  it("carries a form with files", function()
    local peer <close> = echo()
    http.post(peer.url, { multipart = {
      { name = "text", data = "one" },
      { name = "file", filename = 'a"b.txt', type = "text/plain", data = "two" },
    } })
    local boundary = peer.asked.fields["content-type"]:match("^multipart/form%-data; boundary=(.+)$")
    assert.are.equal(table.concat({
      "--" .. boundary, 'Content-Disposition: form-data; name="text"', "", "one",
      "--" .. boundary, 'Content-Disposition: form-data; name="file"; filename="a%22b.txt"',
      "Content-Type: text/plain", "", "two", "--" .. boundary .. "--", "",
    }, "\r\n"), peer.asked.body)
  end)

  it("carries JSON", function()
    if not pcall(require, "lull.json") then return pending("needs lull.json") end
    local peer <close> = echo()
    assert.are.same({ a = { 1, 2 } }, http.post(peer.url, { json = { a = { 1, 2 } } }):json())
    assert.are.equal("application/json", peer.asked.fields["content-type"])
  end)

  it("has a query from a table, after the one of its URL", function()
    local peer <close> = echo()
    http.get(peer.url .. "/p?x=1#part", { query = { b = "ä", a = { 1, 2 } } })
    assert.are.equal("GET /p?x=1&a=1&a=2&b=%C3%A4 HTTP/1.1", peer.asked.line)
    http.get(peer.url .. "/p", { query = { { "z", 1 }, { "a", 2 } } })
    assert.are.equal("GET /p?z=1&a=2 HTTP/1.1", peer.asked.line)
    http.get(peer.url .. "/p", { query = "raw=%20" })
    assert.are.equal("GET /p?raw=%20 HTTP/1.1", peer.asked.line)
  end)

  it("encodes what a URL may not have", function()
    local peer <close> = echo()
    http.get(peer.url .. "/a b/ä?c d")
    assert.are.equal("GET /a%20b/%C3%A4?c%20d HTTP/1.1", peer.asked.line)
  end)

  it("says who asks, and may say otherwise", function()
    local peer <close> = echo()
    http.get(peer.url)
    assert.is_truthy(peer.asked.fields["user-agent"]:find("^lull/%d"))
    http.get(peer.url, { headers = { ["User-Agent"] = "me" } })
    assert.are.equal("me", peer.asked.fields["user-agent"])
    http.get(peer.url, { headers = { ["user-agent"] = false, Accept = false } })
    assert.is_nil(peer.asked.fields["user-agent"])
    assert.is_nil(peer.asked.fields["accept"])
  end)

  it("has the headers it is given: text, numbers, lists, empty ones", function()
    local seen
    local peer <close> = support.raw(function(stream)
      seen = stream:read_until("\r\n\r\n")
      stream:write(support.response("200 OK", ""))
    end)
    http.get(peer.url, { headers = { ["X-One"] = "1", ["X-Two"] = { "a", "b" }, ["X-Int"] = 3, ["X-Empty"] = "" } })
    assert.is_truthy(seen:find("\r\nX%-One: 1\r\n"))
    assert.is_truthy(seen:find("\r\nX%-Two: a\r\nX%-Two: b\r\n"))
    assert.is_truthy(seen:find("\r\nX%-Int: 3\r\n"))
    assert.is_truthy(seen:find("\r\nX%-Empty: ?\r\n"))
  end)

  it("authenticates, by name and password or by token", function()
    local peer <close> = echo()
    http.get(peer.url, { auth = { user = "me", password = "pass:word" } })
    assert.are.equal("Basic bWU6cGFzczp3b3Jk", peer.asked.fields["authorization"])
    http.get(peer.url, { auth = { bearer = "token" } })
    assert.are.equal("Bearer token", peer.asked.fields["authorization"])
    http.get(peer.url)
    assert.is_nil(peer.asked.fields["authorization"])
    local with_user = peer.url:gsub("//", "//me:p%%40ss@")
    local res = http.get(with_user .. "/x")
    assert.are.equal("Basic bWU6cEBzcw==", peer.asked.fields["authorization"])
    assert.are.equal(peer.url .. "/x", res.url)
  end)

  it("has cookies for itself only", function()
    local peer <close> = echo()
    http.get(peer.url, { cookies = { b = "2", a = 1 } })
    assert.are.equal("a=1; b=2", peer.asked.fields["cookie"])
    http.get(peer.url)
    assert.is_nil(peer.asked.fields["cookie"])
  end)

  it("goes to names, too", function()
    local peer <close> = echo()
    for _, name in ipairs { "localhost", "service.localhost", "localhost." } do
      http.get(("http://%s:%d/%s"):format(name, peer.port, name))
      assert.are.equal(("GET /%s HTTP/1.1"):format(name), peer.asked.line)
    end
  end)

  it("leaves nothing behind for the next", function()
    local peer <close> = echo()
    local client <close> = http.client()
    client:post(peer.url, { body = "x", headers = { ["X-Mine"] = "1" }, auth = { user = "u", password = "p" },
      cookies = { c = 1 } })
    client:get(peer.url)
    assert.are.equal("GET / HTTP/1.1", peer.asked.line)
    for _, name in ipairs { "x-mine", "authorization", "cookie", "content-length", "content-type" } do
      assert.is_nil(peer.asked.fields[name], name)
    end
    assert.are.equal(1, peer.count)
  end)
end)

describe("a client", function()
  it("gives its defaults to every request", function()
    local peer <close> = echo()
    local client <close> = http.client { headers = { ["X-All"] = "1", ["X-Some"] = "2" }, auth = { bearer = "t" } }
    client:get(peer.url)
    assert.are.equal("1", peer.asked.fields["x-all"])
    assert.are.equal("Bearer t", peer.asked.fields["authorization"])
    client:get(peer.url, { headers = { ["x-some"] = "3", Authorization = "mine" } })
    assert.are.equal("1", peer.asked.fields["x-all"])
    assert.are.equal("3", peer.asked.fields["x-some"])
    assert.are.equal("mine", peer.asked.fields["authorization"])
  end)
end)

describe("a URL", function()
  it("whose host is an encoded number says what is connected to", function()
    local url = require "lull.http.url"
    for text, host in pairs {
      ["http://2130706433/"] = "127.0.0.1", ["http://%32130706433/"] = "127.0.0.1",
      ["http://u:p@%30x7f.1/"] = "127.0.0.1", ["http://127.0.0.%31/"] = "127.0.0.1",
      ["http://%61.b/"] = "a.b",
    } do
      local whole, _, parsed = url.parse(text)
      assert.are.equal(host, parsed)
      assert.are.equal("http://" .. host .. "/", whole)
    end
  end)
end)

describe("a response", function()
  local peer

  local function response(bytes)
    peer = support.raw(support.answering(function() return bytes end))
    local res = http.get(peer.url .. "/page?secret=1")
    peer.close()
    return res
  end

  it("has status, reason, version, headers, body and URL", function()
    local res = response(support.response("404 Not Here", "gone", "Content-Type: text/plain"))
    assert.are.equal(404, res.status)
    assert.are.equal("Not Here", res.reason)
    assert.are.equal("1.1", res.version)
    assert.are.equal("gone", res.body)
    assert.are.equal("text/plain", res.headers["content-type"])
    assert.are.equal(peer.url .. "/page?secret=1", res.url)
    assert.are.equal(0, res.redirects)
    assert.are.equal("response (404 from " .. peer.url .. "/page)", tostring(res))
  end)

  it("does not compute for long on a field full of blanks", function()
    local before <const> = os.clock()
    local blanks = (" "):rep(60000)
    local res = response(support.response("200 OK", "", "X: a" .. blanks .. "b "))
    assert.are.equal("a" .. blanks .. "b", res.headers.x)
    assert.is_true(os.clock() - before < 5)
  end)

  it("has headers in a plain table, found in any case, joined where there are several", function()
    local res = response(support.response("200 OK", "", "X-List: a", "x-list:  b ", "X-LIST: c"))
    assert.are.equal("a, b, c", res.headers["X-List"])
    assert.are.equal("a, b, c", rawget(res.headers, "x-list"))
    assert.is_nil(res.headers["x-none"])
    assert.are.same({ "a", "b", "c" }, res:header_all("x-List"))
    assert.are.same({}, res:header_all("x-none"))
    local names = {}
    for name in pairs(res.headers) do names[#names + 1] = name end
    table.sort(names)
    assert.are.same({ "content-length", "x-list" }, names)
  end)

  it("raises for its status when asked to", function()
    local res = response(support.response("503 Busy", "later"))
    local e = support.raises("http", res.raise_for_status, res)
    assert.are.equal(503, e.status)
    assert.are.equal("later", e.response.body)
    assert.is_truthy(e.message:find("503 Busy", 1, true))
    assert.is_nil(e.message:find("secret", 1, true))
    res = response(support.response("204 No Content", ""))
    assert.are.equal(res, res:raise_for_status())
  end)

  it("can be read like a stream, too", function()
    local res = response(support.response("200 OK", "one\ntwo\nthree"))
    local lines = {}
    for line in res:lines() do lines[#lines + 1] = line end
    assert.are.same({ "one", "two", "three" }, lines)
    assert.is_nil(res:read_some())
  end)

  it("is an error of its own when it is no JSON", function()
    if not pcall(require, "lull.json") then return pending("needs lull.json") end
    local res = response(support.response("200 OK", "<html>"))
    support.raises("json", res.json, res)
  end)
end)

describe("misuse", function()
  it("of the URL is an argument error", function()
    for _, target in ipairs {
      "", "foo", "/path", "ftp://host/", "file:///etc/passwd", "gopher://x/", "javascript:x",
      "http://", "http:///x", "http://a b/", "http://host:99999/", "http://host/\r\nX: y", "http://h\0st/",
      "http://[::1", 1, true, {},
    } do
      misuse(http.get, target)
    end
    misuse(http.get)
  end)

  it("of the method is an argument error", function()
    for _, method in ipairs { "", "GET /", "GET\r\nX: y", "G\0T", "CONNECT", "connect", "a:b" } do
      misuse(http.request, { url = "http://127.0.0.1:1/", method = method })
    end
  end)

  it("of headers is an argument error: what would end a line, or change where a message ends", function()
    for _, headers in ipairs {
      { ["a b"] = "x" }, { ["a\r\nb"] = "x" }, { [""] = "x" }, { ["a:"] = "x" }, { "x" },
      { a = "x\r\ny: z" }, { a = "x\ny" }, { a = "x\0y" }, { a = {} , b = { "x", "y\n" } }, { a = print },
      { ["Transfer-Encoding"] = "chunked" }, { ["Content-Length"] = "5" },
    } do
      misuse(http.post, "http://127.0.0.1:1/", { headers = headers, body = "x" })
    end
  end)

  it("of options is an argument error", function()
    for _, opts in ipairs {
      { unknown = 1 }, { 1 }, { timeout = "x" }, { timeout = 0 }, { timeout = { never = 1 } }, { timeout = -1 },
      { body = "x", json = {} }, { form = {}, multipart = {} }, { body = 1 }, { body = {} }, { stream = 1 },
      { auth = "x" }, { auth = { user = "a:b" } }, { auth = { bearer = "a\nb" } }, { auth = { name = "x" } },
      { auth = { user = "a" }, headers = { Authorization = "x" } },
      { cookies = { ["a b"] = "x" } }, { cookies = { a = "x; y" } }, { cookies = { a = "x\r\n" } },
      { proxy = "ftp://x" }, { proxy = "http://a b" }, { proxy = true }, { verify = 1 }, { ca_file = "a\0b" },
      { max_redirects = -1 }, { max_body = 0 }, { http_version = "3" }, { retries = -1 },
      { retries = { often = true } }, { query = 1 }, { query = "a b" }, "x",
    } do
      misuse(http.get, "http://127.0.0.1:1/", opts)
    end
    misuse(http.head, "http://127.0.0.1:1/", { body = "x" })
    misuse(http.request)
    misuse(http.request, {})
    misuse(http.client, { max_connections = 0 })
    misuse(http.client, { stream = true })
  end)

  it("of forms and parts would send what nobody has meant", function()
    for _, opts in ipairs {
      { form = { a = { b = 1 } } }, { form = { a = print } }, { form = { { "a" } } }, { form = { a = { {} } } },
      { form = { [2] = "x" } }, { form = { "a=1" } }, { query = { a = {}, b = { c = 1 } } },
      { multipart = { { data = "x" } } }, { multipart = { { name = "x" } } },
      { multipart = { { name = "x", file = "/etc/passwd" } } }, { multipart = { a = {} } }, { multipart = { "x" } },
    } do
      misuse(http.post, "http://127.0.0.1:1/", opts)
    end
    local _, message <const> = pcall(http.request, { method = "GET" })
    assert.is_truthy(message:find("url must be a string", 1, true), message)
  end)

  it("is blamed on the caller", function()
    local _, message = pcall(function()
      local res = http.get("foo")
      return res
    end)
    assert.is_truthy(message:find("http_client_request_spec", 1, true))
    assert.is_truthy(message:find("#1 to 'get'", 1, true))
  end)
end)
