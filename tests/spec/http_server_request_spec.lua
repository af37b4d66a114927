--- http_server_request_spec.lua: what a handler sees of a request, and its body.

local lull = require "lull"
local json = require "lull.json"
local testing = require "lull.testing"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_serve.lua")
local serve, client, get = support.serve, support.client, support.get

--- What look(req) returns, for a request with these bytes.
local function seen(bytes, look, opts)
  local result
  local server <close> = serve(function(req) result = table.pack(look(req)) end, opts)
  support.exchange(server, bytes)
  return table.unpack(assert(result, "no request was seen"), 1, result.n)
end

local function of_head(head, look)
  return seen("GET " .. head .. "Connection: close\r\n\r\n", look)
end

local function of_target(target, look)
  return of_head(target .. " HTTP/1.1\r\nHost: h\r\n", look)
end

--- What look(req) returns for a POST with this body, which follows the head at once.
local function of_body(body, look, headers, opts)
  local head <const> = ("POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n%sContent-Length: %d\r\n\r\n")
    :format(headers or "", #body)
  return seen(head .. body, look, opts)
end

local CHUNKED <const> = "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
  .. "Transfer-Encoding: chunked\r\n\r\n"

describe("a request", function()
  it("has method, target, path and query", function()
    assert.are.same({ "GET", "/a%20b?x=1", "/a b", "x=1", "1.1" }, { of_target("/a%20b?x=1", function(req)
      return req.method, req.target, req.path, req.query_string, req.version
    end) })
  end)

  for target, path in pairs {
    ["/"] = "/", ["/a/../b"] = "/b", ["/../../etc"] = "/etc", ["/%2e%2e/x"] = "/x",
    ["/a/./b/."] = "/a/b/",
    ["/a%2Fb"] = "/a/b", ["/a/%2E%2e%2fb"] = "/b", ["//a"] = "//a", ["/%E4"] = "/\xe4",
    ["/..."] = "/...",
    ["http://x/y"] = "/y", ["http://x"] = "/", ["/a?/../b"] = "/a", ["/.hidden"] = "/.hidden",
    ["/a/.."] = "/",
  } do
    it(("has the path %s for %s"):format(path, target), function()
      assert.are.equal(path, of_target(target, function(req) return req.path end))
    end)
  end

  it("has the host of the target before that of the header", function()
    assert.are.equal("other:81", of_target("http://other:81/", function(req) return req.host end))
    assert.are.equal("h", of_target("/", function(req) return req.host end))
  end)

  it("of OPTIONS may be for everything", function()
    local path <const> = seen("OPTIONS * HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", function(req)
      return req.path
    end)
    assert.are.equal("*", path)
  end)

  it("has a query, first values and all", function()
    of_target("/?a=1&b=x%20y+z&a=2&c", function(req)
      assert.are.equal("1", req.query.a)
      assert.are.equal("x y z", req.query.b)
      assert.are.same({ "1", "2" }, { req:query_all("a")[1], req:query_all("a")[2] })
      assert.are.same({}, req:query_all "none")
      assert.are.equal(req.query, req.query)
    end)
  end)

  it("has the query that lull.http.form reads", function()
    local form <const> = require "lull.http.form"
    for _, text in ipairs {
      "", "a", "a=", "=a", "&&", "a=1&a=2", "a+b=c+d", "%41=%42&%zz=%4", "a=b=c", "a=%", "a=%4", "x=%c3%a9%00", "&a&",
    } do
      of_target("/?" .. text, function(req) assert.are.same(form.decode(text), req.query) end)
    end
    local server <close> = serve(function(req) return req.query.a end)
    assert.are.equal(413, get(server, "/?" .. ("a&"):rep(1001)).status)
  end)

  it("has headers in any case, several joined", function()
    of_head("/ HTTP/1.1\r\nHost: h\r\nX-One: 1\r\nx-one:  2 \r\nCOOKIE: a=1\r\ncookie: b=2\r\n", function(req)
      assert.are.equal("1, 2", req.headers["x-one"])
      assert.are.equal("1, 2", req.headers["X-ONE"])
      assert.are.equal("1, 2", req:header "X-One")
      assert.are.same({ "1", "2" }, req:header_all "x-ONE")
      assert.are.equal("a=1; b=2", req.headers.cookie)
      assert.are.equal("a=1; b=2", req:header "Cookie")
      assert.is_nil(req:header "none")
      assert.is_nil(req.headers.none)
      assert.is_nil(req.headers[1])
      assert.are.same({}, req:header_all "none")
    end)
  end)

  it("lists its headers as a plain table", function()
    local names <const> = of_head("/ HTTP/1.1\r\nHost: h\r\nX-One: 1\r\n", function(req)
      local list <const> = {}
      for name in pairs(req.headers) do list[#list + 1] = name end
      table.sort(list)
      return list
    end)
    assert.are.same({ "connection", "host", "x-one" }, names)
  end)

  it("has cookies", function()
    of_head("/ HTTP/1.1\r\nHost: h\r\nCookie: a=1; b=two\r\n", function(req)
      assert.are.equal("1", req.cookies.a)
      assert.are.equal("two", req.cookies.b)
    end)
    of_target("/", function(req) assert.are.same({}, req.cookies) end)
  end)

  it("has a peer, a scheme and a name of its own", function()
    local names <const> = {}
    local server <close> = serve(function(req)
      names[#names + 1] = req.id
      assert.are.equal("127.0.0.1", req.peer)
      assert.are.equal("integer", math.type(req.peer_port))
      assert.are.equal("http", req.scheme)
      assert.is_nil(req.tls)
      assert.are.equal(req.id, req.id)
      return "ok"
    end)
    local c <close> = client(server)
    for _ = 1, 2 do assert.are.equal(200, c:ask("/"):response().status) end
    assert.are_not.equal(names[1], names[2])
    assert.is_truthy(names[1]:find "^%x+%-1$")
  end)

  it("takes fields of a script, and gives them back", function()
    of_target("/x", function(req)
      assert.are.same({}, req.params)
      req.params = { id = "7" }
      req.user = "me"
      req.path = "/y"
      assert.are.same({ "7", "me", "/y", "/x" }, { req.params.id, req.user, req.path, req.target })
      req.path = nil
      assert.are.equal("/x", req.path)
      assert.is_nil(req.nothing)
    end)
  end)

  it("keeps what its head says when it is answered, and not its body", function()
    local kept
    local server <close> = serve(function(req)
      kept = req
      return "x"
    end)
    local c <close> = client(server)
    c:post("/path?q=1", "body"):response()
    assert.are.equal("/path", kept.path)
    assert.are.equal("1", kept.query.q)
    assert.are.equal("h", kept.headers.host)
    assert.are.equal("127.0.0.1", kept.peer)
    assert.is_true(kept.closed)
    assert.are.equal("request (POST /path?q=1)", tostring(kept))
    support.raises("closed", kept.body, kept)
    support.raises("closed", kept.read_some, kept)
    support.raises("closed", kept.upgrade, kept)
  end)

  it("checks what it is asked", function()
    of_target("/", function(req)
      support.misuse(req.header, req)
      support.misuse(req.header, "no request", "x")
      support.misuse(req.read_some, req, 0)
      support.misuse(req.query_all, req)
      support.misuse(req.configure, req)
    end)
  end)
end)

describe("a body", function()
  it("is read whole, and is there again", function()
    local first <const>, second <const> = of_body("hello", function(req) return req:body(), req:body() end)
    assert.are.same({ "hello", "hello" }, { first, second })
  end)

  it("is empty where there is none", function()
    local body <const>, piece <const> = of_target("/", function(req) return req:body(), req:read_some() end)
    assert.are.equal("", body)
    assert.is_nil(piece)
  end)

  it("is read in pieces", function()
    local pieces <const> = of_body("hello", function(req)
      local list <const> = {}
      for piece in function() return req:read_some(2) end do list[#list + 1] = piece end
      return list
    end)
    assert.are.equal("hello", table.concat(pieces))
  end)

  it("is read in pieces that are not larger than asked for", function()
    of_body("hello", function(req)
      assert.are.same({ "he", "llo" }, { req:read_some(2), req:read_some(10) })
      assert.is_nil(req:read_some())
      assert.is_nil(req:read_some())
    end)
  end)

  it("is the rest after some was read", function()
    of_body("hello", function(req) assert.are.same({ "he", "llo" }, { req:read_some(2), req:body() }) end)
  end)

  it("comes in chunks, with trailers", function()
    seen(CHUNKED .. "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX-Sum: 1\r\nHost: evil\r\n\r\n", function(req)
      assert.are.same({}, req:trailers())
      assert.are.equal("hello world", req:body())
      assert.are.equal("1", req:trailers()["X-SUM"])
      assert.is_nil(req:trailers().host)
    end)
  end)

  it("comes when it comes", function()
    local server <close> = serve(function(req) return req:body() end)
    local c <close> = client(server)
    c:send "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\n"
    for letter in ("abcdef"):gmatch "." do
      testing.settle()
      c:send(letter)
    end
    assert.are.equal("abcdef", c:response().body)
  end)

  it("above max_body is 413, before it is sent", function()
    local server <close> = serve(function(req) return req:body() end, { max_body = 10 })
    local c <close> = client(server)
    local response <const> = c:send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n"):response()
    assert.are.equal(413, response.status)
    assert.are.equal("10 bytes..", get(server, "/", "Content-Length: 10\r\n\r\n10 bytes..").body)
  end)

  it("in chunks above max_body is 413", function()
    local server <close> = serve(function(req) return req:body() end, { max_body = 10 })
    for _, body in ipairs { "b\r\n", "6\r\nabcdef\r\n6\r\n" } do
      assert.is_truthy(support.exchange(server, CHUNKED, body):find "^HTTP/1.1 413 ")
    end
  end)

  it("may be larger for a route", function()
    local server <close> = serve(function(req)
      assert.are.equal(10, req.max_body)
      req:configure { max_body = 20, unknown_here = true }
      assert.are.equal(20, req.max_body)
      return req:body()
    end, { max_body = 10 })
    local c <close> = client(server)
    assert.are.equal(("x"):rep(20), c:post("/", ("x"):rep(20)):response().body)
  end)

  it("has no limit in pieces, and waits for who reads it", function()
    local SIZE <const> = 16 * 1024 * 1024
    local server <close> = serve(function(req)
      local total = 0
      for piece in function() return req:read_some() end do total = total + #piece end
      return tostring(total)
    end, { max_body = 10 })
    local c <close> = client(server)
    assert.are.equal(tostring(SIZE), c:post("/", ("x"):rep(SIZE)):response().body)
  end)

  it("that nobody reads is read over", function()
    local server <close> = serve(function(req) return req.path end)
    local c <close> = client(server)
    c:post("/1", ("x"):rep(50000)):post("/2", "y")
    assert.are.equal("/1", c:response().body)
    assert.are.equal("/2", c:response().body)
  end)

  it("in chunks that nobody reads is read over where it is there", function()
    local server <close> = serve(function(req) return req.path end)
    local c <close> = client(server)
    c:send "POST /1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    assert.are.equal("/1", c:response().body)
    assert.are.equal("/2", c:ask("/2"):response().body)
  end)

  it("that nobody reads and is large ends the connection", function()
    local server <close> = serve "ignored"
    local c <close> = client(server)
    c:send "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000\r\n\r\n"
    local response <const> = c:response()
    assert.are.equal("close", response.headers.connection)
    assert.are.equal("ignored", response.body)
  end)

  it("that is cut off is 400", function()
    local server <close> = serve(function(req) return req:body() end)
    local c <close> = client(server)
    c:send "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello"
    c.stream:shutdown()
    assert.are.equal(400, c:response().status)
  end)

  it("that is malformed is 400, and the end", function()
    local server <close> = serve(function(req) return req:body() end)
    local answer <const> = support.exchange(server, CHUNKED, "5\r\nhelloX")
    assert.is_truthy(answer:find "^HTTP/1.1 400 .*\r\nConnection: close\r\n")
  end)

  it("can be read by one task at a time", function()
    local server <close> = serve(function(req)
      local other <const> = support.go(req.body, req)
      lull.yield()
      support.raises("busy", req.read_some, req)
      other:cancel()
      other:join()
      return req:body()
    end)
    local c <close> = client(server)
    c:send "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n"
    testing.settle()
    c:send "hello"
    assert.are.equal("hello", c:response().body)
  end)

  it("loses nothing to who was cancelled while reading it", function()
    local given_up <const> = lull.future()
    local server <close> = serve(function(req)
      local expired <const> = not lull.move_on_after(0.01, req.body, req)
      given_up:set()
      return tostring(expired) .. req:body()
    end)
    local c <close> = client(server)
    c:send "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello"
    given_up:await()
    c:send "world"
    assert.are.equal("truehelloworld", c:response().body)
  end)

  it("is closed for a task that still waits for it when the request is answered", function()
    local kind
    local server <close> = serve(function(req)
      lull.spawn(function()
        local _, err <const> = pcall(req.body, req)
        kind = err.kind
      end)
      lull.yield()
      return "answered"
    end)
    local c <close> = client(server)
    c:send "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n"
    assert.are.equal("answered", c:response().body)
    testing.settle()
    assert.are.equal("closed", kind)
    c:send "hello"
    assert.are.equal("answered", c:ask("/"):response().body)
  end)
end)

describe("Expect: 100-continue", function()
  local HEAD <const> = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"

  it("is answered when the body is asked for", function()
    local server <close> = serve(function(req) return req:body() end)
    local c <close> = client(server)
    c:send(HEAD)
    assert.are.equal(100, c:response().status)
    c:send "hello"
    assert.are.equal("hello", c:response().body)
    assert.are.equal("", c:ask("/"):response().body)
  end)

  it("is not answered when the body is there", function()
    local server <close> = serve(function(req) return req:body() end)
    local c <close> = client(server)
    c:send(HEAD .. "hello")
    assert.are.equal(200, c:response().status)
  end)

  it("is not answered, and the connection ends, when nobody asks", function()
    local server <close> = serve "no, thanks"
    local c <close> = client(server)
    c:send(HEAD)
    local response <const> = c:response()
    assert.are.equal(200, response.status)
    assert.are.equal("close", response.headers.connection)
    assert.is_true(c:ended())
  end)

  it("is not answered in the middle of a response", function()
    local server <close> = serve(function(req)
      local step = 0
      return function()
        step = step + 1
        return step == 1 and "first" or step == 2 and req:body() or nil
      end
    end)
    local c <close> = client(server)
    c:send(HEAD)
    testing.settle()
    local response <const> = c:send("hello"):response()
    assert.are.same({ "first", "hello" }, response.pieces)
    assert.is_true(c:ended())
  end)

  it("is not answered when the body is too large", function()
    local server <close> = serve(function(req) return req:body() end, { max_body = 4 })
    local c <close> = client(server)
    assert.are.equal(413, c:send(HEAD):response().status)
  end)

  it("of something else is 417", function()
    local server <close> = serve "x"
    assert.are.equal(417, get(server, "/", "Expect: a miracle\r\n").status)
  end)

  it("of HTTP/1.0 is ignored", function()
    local server <close> = serve(function(req) return req:body() end)
    local c <close> = client(server)
    c:send "POST / HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    testing.settle()
    assert.are.equal("hello", c:send("hello"):response().body)
  end)
end)

describe("json()", function()
  local function decoded(body, media)
    local server <close> = serve(function(req) return json.encode(req:json()) end)
    local c <close> = client(server)
    return c:post("/", body, media and "Content-Type: " .. media .. "\r\n"):response()
  end

  for _, media in ipairs {
    "application/json", "APPLICATION/JSON; charset=utf-8", "application/problem+json",
    "application/vnd.x+json ; a=b",
  } do
    it("reads " .. media, function() assert.are.equal("[1,2]", decoded("[1, 2]", media).body) end)
  end

  for _, media in ipairs {
    "text/plain", "application/jsonp", "application/x-www-form-urlencoded", "json", "+json",
  } do
    it("refuses " .. media .. " with 415", function() assert.are.equal(415, decoded("[1]", media).status) end)
  end

  it("refuses what says nothing with 415", function() assert.are.equal(415, decoded("[1]").status) end)

  it("refuses what is no JSON with 400, and says where", function()
    local response <const> = decoded("[1,", "application/json")
    assert.are.equal(400, response.status)
    assert.is_truthy(response.body:find "JSON")
  end)
end)

describe("form()", function()
  it("reads a form", function()
    local server <close> = serve(function(req)
      local form <const> = req:form()
      return tostring(form.a or form.fields and form.fields.a)
    end)
    local c <close> = client(server)
    c:post("/", "a=b%20c", "Content-Type: application/x-www-form-urlencoded\r\n")
    assert.are.equal("b c", c:response().body)
  end)
end)
