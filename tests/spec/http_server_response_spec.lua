--- http_server_response_spec.lua: what a server sends for what a handler returns.

local lull = require "lull"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_serve.lua")
local serve, client, get = support.serve, support.client, support.get

--- The response to a handler's result.
local function response_to(result, headers, method)
  local server <close> = serve(result)
  return get(server, "/", headers, method)
end

--- Errors reported while a handler returns something that cannot be sent, and the status.
local function refused(result)
  local status
  local errors <const> = support.reported(function()
    status = response_to(result).status
  end)
  assert.are.equal(500, status)
  assert.are.equal(1, #errors)
  return errors[1]
end

--- An iterator over these.
local function pieces(...)
  local list <const>, at = { ... }, 0
  return function()
    at = at + 1
    return list[at]
  end
end

describe("a response", function()
  it("of a string is text", function()
    local response <const> = response_to "hello"
    assert.are.equal(200, response.status)
    assert.are.equal("OK", response.reason)
    assert.are.equal("hello", response.body)
    assert.are.equal("text/plain; charset=utf-8", response.headers["content-type"])
    assert.are.equal("5", response.headers["content-length"])
  end)

  it("has a date", function()
    local date <const> = response_to("").headers.date
    assert.is_truthy(date:find "^%a%a%a, %d%d %a%a%a %d%d%d%d %d%d:%d%d:%d%d GMT$", date)
  end)

  it("of nothing is 204 without a length", function()
    local server <close> = serve(function() end)
    local response <const> = get(server)
    assert.are.equal(204, response.status)
    assert.is_nil(response.headers["content-length"])
    assert.is_nil(response.headers["content-type"])
  end)

  it("of a table has its status, headers and body", function()
    local response <const> = response_to {
      status = 404, headers = { ["x-one"] = "1", ["x-two"] = 2 }, body = "no",
    }
    assert.are.equal(404, response.status)
    assert.are.equal("Not Found", response.reason)
    assert.are.equal("1", response.headers["x-one"])
    assert.are.equal("2", response.headers["x-two"])
    assert.are.equal("no", response.body)
  end)

  it("repeats a header whose value is a list", function()
    local response <const> = response_to { headers = { ["set-cookie"] = { "a=1", "b=2" } } }
    assert.are.equal("a=1, b=2", response.headers["set-cookie"])
  end)

  it("keeps the script's content type and date, in any case", function()
    local response <const> = response_to {
      headers = { ["Content-Type"] = "text/html", Date = "today" }, body = "x",
    }
    assert.are.equal("text/html", response.headers["content-type"])
    assert.are.equal("today", response.headers.date)
  end)

  it("of a table without a body has length 0", function()
    local response <const> = response_to { status = 202 }
    assert.are.equal("0", response.headers["content-length"])
    assert.is_nil(response.headers["content-type"])
  end)

  it("has an empty reason where the status has no name", function()
    local response <const> = response_to { status = 299 }
    assert.are.same({ 299, "" }, { response.status, response.reason })
  end)

  it("is JSON from json", function()
    local response <const> = response_to { json = { a = 1 }, status = 201 }
    assert.are.equal(201, response.status)
    assert.are.equal('{"a":1}', response.body)
    assert.are.equal("application/json", response.headers["content-type"])
  end)

  it("is JSON of another type where the headers say so", function()
    local response <const> = response_to { json = {}, headers = { ["content-type"] = "application/x+json" } }
    assert.are.equal("application/x+json", response.headers["content-type"])
  end)

  it("names the server that was named", function()
    local server <close> = serve("", { server = "lull test" })
    assert.are.equal("lull test", get(server).headers.server)
    local unnamed <close> = serve ""
    assert.is_nil(get(unnamed).headers.server)
  end)

  it("of an object is that of its fields", function()
    local object <const> = setmetatable({}, { __index = { status = 203, body = "from the class" } })
    local response <const> = response_to(object)
    assert.are.equal(203, response.status)
    assert.are.equal("from the class", response.body)
    assert.are.equal("[1]", response_to(setmetatable({ json = { 1 } }, {})).body)
    local stream <const> = setmetatable({ body = pieces("a", "b") }, {})
    assert.are.equal("ab", response_to(stream).body)
  end)
end)

describe("a body of many pieces", function()
  it("is sent in chunks", function()
    local response <const> = response_to(function() return pieces("one", "two") end)
    assert.are.equal("chunked", response.headers["transfer-encoding"])
    assert.are.same({ "one", "two" }, response.pieces)
  end)

  it("is sent as it comes", function()
    local go_on <const> = lull.future()
    local server <close> = serve(function()
      local at = 0
      return function()
        at = at + 1
        if at == 2 then go_on:await() end
        return ({ "first", "second" })[at]
      end
    end)
    local c <close> = client(server)
    c:ask "/"
    local text = ""
    repeat text = text .. c.stream:read_some() until text:find "first\r\n"
    go_on:set()
    assert.are.equal("6\r\nsecond\r\n0\r\n\r\n", c.stream:read_exact(16))
  end)

  it("leaves empty pieces out, which would end it", function()
    assert.are.same({ "a", "b" }, response_to(function() return pieces("a", "", "b", "") end).pieces)
  end)

  it("takes numbers", function()
    assert.are.equal("12", response_to(function() return pieces(1, 2) end).body)
  end)

  it("has status and headers from a table", function()
    local response <const> = response_to(function()
      return { status = 201, headers = { ["content-type"] = "a/b" }, body = pieces "x" }
    end)
    assert.are.equal(201, response.status)
    assert.are.equal("a/b", response.headers["content-type"])
  end)

  it("goes with the length that headers say", function()
    local response <const> = response_to(function()
      return { headers = { ["content-length"] = 6 }, body = pieces("one", "two") }
    end)
    assert.is_nil(response.headers["transfer-encoding"])
    assert.are.equal("onetwo", response.body)
  end)

  it("has trailers", function()
    local response <const> = response_to(function()
      return { body = pieces "x", trailers = function() return { ["x-sum"] = 7 } end }
    end)
    assert.are.same({ "x-sum: 7" }, response.trailers)
  end)

  it("comes from an object that is called, and closed", function()
    local closed = 0
    local server <close> = serve(function()
      local next <const> = pieces("a", "b")
      return { body = setmetatable({ close = function() closed = closed + 1 end }, { __call = next }) }
    end)
    assert.are.equal("ab", get(server).body)
    get(server, "/", nil, "HEAD")
    lull.sleep(0)
    assert.are.equal(2, closed)
  end)

  it("may be a generator that waits", function()
    local response <const> = response_to(function()
      return coroutine.wrap(function()
        for i = 1, 3 do
          lull.sleep(0.001)
          coroutine.yield(tostring(i))
        end
      end)
    end)
    assert.are.equal("123", response.body)
  end)

  it("is larger than every buffer, and comes whole", function()
    local piece <const> = ("x"):rep(100000)
    local server <close> = serve(function()
      local left = 100
      return function()
        left = left - 1
        return left >= 0 and piece or nil
      end
    end)
    assert.are.equal(10000000, #get(server).body)
  end)

  it("is not made faster than the client takes it", function()
    local made = 0
    local server <close> = serve(function()
      return function()
        made = made + 1
        return made <= 1000 and ("x"):rep(65536) or nil
      end
    end)
    local c <close> = client(server)
    c:ask "/"
    assert(c.stream:read())
    require("lull.testing").settle()
    assert.is_true(made < 1000, "everything was made for a client that reads nothing")
    c:close()
  end)
end)

describe("HEAD", function()
  it("has the head of GET and no body", function()
    local server <close> = serve "hello"
    local c <close> = client(server)
    c:ask("/", nil, "HEAD")
    local response <const> = c:response()
    assert.are.equal("5", response.headers["content-length"])
    c:ask "/"
    assert.are.equal("hello", c:response().body)
  end)

  it("does not ask for pieces", function()
    local server <close> = serve(function()
      return function() error "it was asked" end
    end)
    local response <const> = get(server, "/", nil, "HEAD")
    assert.are.equal(200, response.status)
    assert.are.equal("chunked", response.headers["transfer-encoding"])
  end)

  it("keeps a length that a script says", function()
    local response <const> = response_to({ headers = { ["content-length"] = 12 } }, nil, "HEAD")
    assert.are.equal("12", response.headers["content-length"])
  end)
end)

describe("a status that has no body", function()
  for _, status in ipairs { 204, 304 } do
    it(("%d is sent without one"):format(status), function()
      local server <close> = serve { status = status, body = "never" }
      local c <close> = client(server)
      local response <const> = c:ask("/"):response()
      assert.are.equal(status, response.status)
      assert.is_nil(response.headers["content-length"])
      assert.are.equal(status, c:ask("/"):response().status)
    end)
  end

  it("205 has length 0", function()
    assert.are.equal("0", response_to({ status = 205 }).headers["content-length"])
  end)

  it("304 may tell the length it would have", function()
    local response <const> = response_to { status = 304, headers = { ["content-length"] = 9, etag = '"x"' } }
    assert.are.equal("9", response.headers["content-length"])
  end)
end)

describe("what cannot be sent is an error of the handler:", function()
  local wrong <const> = {
    { "a value with a line's end", { headers = { x = "a\r\nSet-Cookie: b" } } },
    { "a value with a NUL", { headers = { x = "a\0b" } } },
    { "a name with a line's end", { headers = { ["x\r\ny"] = "a" } } },
    { "a name with a colon", { headers = { ["x:"] = "a" } } },
    { "an empty name", { headers = { [""] = "a" } } },
    { "a name that is a number", { headers = { "a" } } },
    { "a value that is a function", { headers = { x = print } } },
    { "a list with a boolean", { headers = { x = { "a", true } } } },
    { "headers that are a string", { headers = "x: y" } },
    { "its own Transfer-Encoding", { headers = { ["Transfer-Encoding"] = "chunked" }, body = "x" } },
    { "another Content-Length", { headers = { ["content-length"] = 4 }, body = "hello" } },
    { "a Content-Length that is none", { headers = { ["content-length"] = "x" }, body = "hello" } },
    { "status 99", { status = 99 } },
    { "status 101", { status = 101 } },
    { "status 600", { status = 600 } },
    { "a status that is a word", { status = "OK" } },
    { "a body that is a table", { body = {} } },
    { "true", true },
    { "a number", 7 },
  }
  for _, entry in ipairs(wrong) do
    it(entry[1], function() assert.is_true(lull.is_error(refused(entry[2]), "usage")) end)
  end

  it("is named, with what can be shown of it", function()
    for message, result in pairs {
      ['a response header has no proper name: "a b?x"'] = { headers = { ["a b\nx"] = "1" } },
      ["a response header has no proper name: 1"] = { headers = { "a" } },
      ["a response header has no proper name: table"] = { headers = { [{}] = "1" } },
      ["a response's status must be 200 to 599, not 99"] = { status = 99 },
      ["a response's status must be 200 to 599, not 200.5"] = { status = 200.5 },
      ['a response\'s status must be 200 to 599, not "OK"'] = { status = "OK" },
    } do
      local e <const> = refused(result)
      assert.are.equal(message, e.message)
    end
    local long <const> = refused { headers = { [(" "):rep(1000)] = "1" } }
    assert.is_true(#long.message < 200)
  end)

  it("a piece that is a table ends the connection", function()
    local server <close> = serve(function() return pieces("a", {}) end)
    local errors <const> = support.reported(function()
      local c <close> = client(server)
      assert.is_true(c:ask("/"):is_cut())
    end)
    assert.are.equal(1, #errors)
  end)

  for _, case in ipairs { { "fewer", 7 }, { "more", 5 } } do
    it(case[1] .. " bytes than Content-Length says end the connection", function()
      local server <close> = serve(function()
        return { headers = { ["content-length"] = case[2] }, body = pieces("abc", "def") }
      end)
      local errors <const> = support.reported(function()
        local c <close> = client(server)
        assert.is_true(c:ask("/"):is_cut())
      end)
      assert.are.equal(1, #errors)
    end)
  end

  it("a trailer that says how long the body was", function()
    local server <close> = serve(function()
      return { body = pieces "x", trailers = { ["content-length"] = 1 } }
    end)
    local errors <const> = support.reported(function()
      local c <close> = client(server)
      assert.is_true(c:ask("/"):is_cut())
    end)
    assert.are.equal(1, #errors)
  end)
end)

describe("HTTP/1.0", function()
  it("gets pieces up to the end of the connection", function()
    local server <close> = serve(function() return pieces("one", "two") end)
    local answer <const> = support.exchange(server, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    assert.is_truthy(answer:find "\r\nConnection: close\r\n")
    assert.is_nil(answer:find "Transfer%-Encoding")
    assert.are.equal("onetwo", answer:match "\r\n\r\n(.*)$")
  end)

  it("is closed after a response, unless it asks", function()
    local server <close> = serve "x"
    local c <close> = client(server)
    c:send "GET / HTTP/1.0\r\n\r\n"
    assert.are.equal("close", c:response().headers.connection)
    assert.is_true(c:ended())
  end)

  it("is kept when it asks", function()
    local server <close> = serve "x"
    local c <close> = client(server)
    for _ = 1, 2 do
      c:send "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"
      assert.are.equal("keep-alive", c:response().headers.connection)
    end
  end)
end)

describe("a connection", function()
  it("answers one request after the other", function()
    local server <close> = serve(function(req) return req.path end)
    local c <close> = client(server)
    for i = 1, 3 do assert.are.equal("/" .. i, c:ask("/" .. i):response().body) end
  end)

  it("answers requests that came at once, in order", function()
    local server <close> = serve(function(req)
      if req.path == "/slow" then lull.sleep(0.005) end
      return req.path
    end)
    local c <close> = client(server)
    c:ask("/slow"):ask("/2"):ask("/3")
    for _, path in ipairs { "/slow", "/2", "/3" } do assert.are.equal(path, c:response().body) end
  end)

  it("ends when the client asks for that", function()
    local server <close> = serve "x"
    local c <close> = client(server)
    assert.are.equal("close", c:ask("/", "Connection: close\r\n"):response().headers.connection)
    assert.is_true(c:ended())
  end)

  it("ends when the handler asks for that", function()
    local server <close> = serve { headers = { connection = "close" }, body = "x" }
    local c <close> = client(server)
    assert.are.equal("close", c:ask("/"):response().headers.connection)
    assert.is_true(c:ended())
  end)

  it("ends after max_requests", function()
    local server <close> = serve("x", { max_requests = 2 })
    local c <close> = client(server)
    assert.is_nil(c:ask("/"):response().headers.connection)
    assert.are.equal("close", c:ask("/"):response().headers.connection)
    assert.is_true(c:ended())
  end)

  it("goes on after a client's error", function()
    local server <close> = serve(function(req) return req:json() end)
    local c <close> = client(server)
    assert.are.equal(415, c:post("/", "{}"):response().status)
    assert.are.equal(400, c:post("/", "{", "Content-Type: application/json\r\n"):response().status)
  end)
end)
