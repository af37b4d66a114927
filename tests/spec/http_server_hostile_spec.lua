--- http_server_hostile_spec.lua: clients that are slow, gone, greedy or want to be read in two ways.
--- What is malformed, and how it is answered, is in http_requests_spec.lua.

local lull = require "lull"
local net = require "lull.net"
local testing = require "lull.testing"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_serve.lua")
local serve, client, get = support.serve, support.client, support.get

local SHORT <const> = 0.02 -- seconds of timeouts that are to expire, in virtual time
local LONG <const> = 20    -- seconds of those that are not, and until something is missed

--- Nothing is reported while fn runs, and the server of `handler` answers afterwards.
local function survives(handler, opts, fn)
  local server <close> = serve(handler, opts)
  local errors <const> = support.reported(function()
    fn(server)
    testing.settle()
  end)
  assert.are.same({}, errors)
  assert.are.equal(200, get(server, "/after").status)
end

describe("a slow client", function()
  --- A test in virtual time: nobody is late.
  local function timed(name, fn)
    it(name, function() testing.virtual_time(fn) end)
  end

  timed("that sends nothing is closed", function()
    local server <close> = serve("x", { header_timeout = SHORT })
    local c <close> = client(server)
    assert.is_true(c:ended())
  end)

  timed("that begins a head and stops gets 408", function()
    local server <close> = serve("x", { header_timeout = SHORT })
    local c <close> = client(server)
    c:send "GET / HTTP/1.1\r\nHost:"
    local response <const> = c:response()
    assert.are.equal(408, response.status)
    assert.are.equal("close", response.headers.connection)
    assert.is_true(c:ended())
  end)

  timed("that sends its head byte by byte has no more time than others", function()
    local server <close> = serve("x", { header_timeout = 5 * SHORT })
    local c <close> = client(server)
    local sending <const> = support.go(function()
      while true do
        c:send "a"
        lull.sleep(SHORT / 4)
      end
    end)
    assert.are.equal(408, c:response().status)
    sending:cancel()
    sending:join()
  end)

  timed("gets 408 for a second request that is not complete, too", function()
    local server <close> = serve("x", { header_timeout = SHORT })
    local c <close> = client(server)
    assert.are.equal(200, c:ask("/"):response().status)
    c:send "GET /"
    assert.are.equal(408, c:response().status)
  end)

  timed("that does not ask again is closed without a word", function()
    local server <close> = serve("x", { idle_timeout = SHORT })
    local c <close> = client(server)
    assert.are.equal(200, c:ask("/"):response().status)
    assert.is_true(c:ended())
  end)

  timed("that stops in its body gets 408", function()
    local server <close> = serve(function(req) return req:body() end, { body_timeout = SHORT })
    local c <close> = client(server)
    c:send "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe"
    local response <const> = c:response()
    assert.are.equal(408, response.status)
    assert.are.equal("close", response.headers.connection)
  end)

  timed("whose body trickles gets 408", function()
    local slow <const> = { body_timeout = 5 * SHORT, min_rate = 1000000 }
    local server <close> = serve(function(req) return req:body() end, slow)
    local c <close> = client(server)
    c:send "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 500000\r\n\r\n"
    local sending <const> = support.go(function()
      while true do
        c:send "a"
        lull.sleep(SHORT / 2)
      end
    end)
    assert.are.equal(408, c:response().status)
    sending:cancel()
    sending:join()
  end)

  timed("is not blamed for a handler that is slow to read", function()
    local server <close> = serve(function(req)
      lull.sleep(5 * SHORT)
      return req:body()
    end, { body_timeout = SHORT, idle_timeout = SHORT, header_timeout = SHORT })
    local c <close> = client(server)
    assert.are.equal("hello", c:post("/", "hello"):response().body)
  end)

  timed("that takes nothing is cut off", function()
    local ended <const> = lull.future()
    local server <close> = serve(function()
      local _ <close> = lull.finally(function() ended:set() end)
      return support.FLOOD
    end, { write_timeout = SHORT })
    local c <close> = client(server)
    c:ask "/"
    ended:await()
    lull.sleep(5 * SHORT)
    assert.is_true(c:is_cut())
  end)

  timed("that takes little at a time gets all of it", function()
    local whole <const> = ("x"):rep(16 * 1024 * 1024)
    local server <close> = serve(whole, { write_timeout = 10 * SHORT })
    local c <close> = client(server)
    c:ask "/"
    local size = 0
    repeat
      local piece <const> = c.stream:read_some(256 * 1024)
      size = size + #(piece or "")
      lull.sleep(SHORT / 2)
    until not piece or size > #whole
    assert.is_true(size > #whole)
  end)
end)

describe("a client that goes", function()
  local HEAD <const> = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n"
  local stages <const> = {
    { "before it has said anything", "" },
    { "in its first line", "GET / HT" },
    { "in its head", "GET / HTTP/1.1\r\nHost: h\r\nX" },
    { "in its body", HEAD .. "half" },
    { "in a chunk", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n50\r\nhalf" },
    { "before its answer", "GET /slow HTTP/1.1\r\nHost: h\r\n\r\n" },
    { "in a long answer", "GET /long HTTP/1.1\r\nHost: h\r\n\r\n" },
    { "in an endless answer", "GET /endless HTTP/1.1\r\nHost: h\r\n\r\n" },
    { "with more requests on their way", ("GET / HTTP/1.1\r\nHost: h\r\n\r\n"):rep(50) },
  }

  local function handler(req)
    if req.method == "POST" then return req:body() end
    if req.path == "/slow" then lull.sleep(0.01) end
    if req.path == "/long" then return support.FLOOD end
    if req.path == "/endless" then return function() return ("x"):rep(1000) end end
    return "ok"
  end

  for _, stage in ipairs(stages) do
    for _, way in ipairs { "close", "abort", "shutdown" } do
      it(("%s, by %s, is nobody's error"):format(stage[1], way), function()
        survives(handler, { body_timeout = LONG, header_timeout = LONG }, function(server)
          local stream <close> = net.connect("127.0.0.1", server.port)
          stream:write(stage[2])
          lull.yield()
          stream[way](stream)
          testing.settle()
          lull.sleep(0.02)
        end)
      end)
    end
  end

  it("closes the body of the response it no longer takes", function()
    local closed = 0
    survives(function(req)
      if req.path == "/after" then return "" end
      return {
        body = setmetatable({ close = function() closed = closed + 1 end }, {
          __call = function() return ("x"):rep(10000) end,
        }),
      }
    end, nil, function(server)
      local c <close> = client(server)
      c:ask("/"):close()
      assert.is_true(lull.move_on_after(LONG, function()
        while closed == 0 do lull.sleep(0.005) end
      end))
    end)
    assert.are.equal(1, closed)
  end)
end)

describe("a flood", function()
  it("of connections waits at max_connections", function()
    local server <close> = serve("x", { max_connections = 2 })
    local first <close> = client(server)
    local second <close> = client(server)
    assert.are.equal(200, first:ask("/"):response().status)
    assert.are.equal(200, second:ask("/"):response().status)
    local third <close> = client(server)
    third:ask "/"
    testing.settle()
    first:close()
    assert.are.equal(200, third:response().status)
  end)

  it("of connections that say nothing does not last", function()
    testing.virtual_time(function()
      local server <close> = serve("x", { max_connections = 2, header_timeout = SHORT })
      local list <const> = {}
      for i = 1, 10 do list[i] = client(server) end
      assert.are.equal(200, get(server).status)
      for _, c in ipairs(list) do c:close() end
    end)
  end)

  it("of requests at once is answered in order, and leaves others their turn", function()
    local COUNT <const> = 3000
    local server <close> = serve(function(req) return req.path end)
    local greedy <close> = client(server)
    local sending <const> = support.go(function()
      for i = 1, COUNT do greedy:ask("/" .. i) end
    end)
    assert.are.equal("/other", get(server, "/other").body)
    for i = 1, COUNT do assert.are.equal("/" .. i, greedy:response().body) end
    sending:join()
  end)

  it("of requests from a client that reads nothing stops", function()
    local MANY <const> = 20000 -- more than the buffers of two sockets hold
    local answered = 0
    local server <close> = serve(function()
      answered = answered + 1
      return ("x"):rep(10000)
    end)
    local c <close> = client(server)
    local sending <const> = support.go(pcall, function()
      while answered < MANY do c:ask "/" end
    end)
    local before
    repeat
      before = answered
      lull.sleep(0.1)
    until answered > 0 and answered == before or answered >= MANY
    assert.is_true(answered < MANY)
    sending:cancel()
    sending:join()
  end)

  it("of bytes after a refused request is read over for a while, so that the answer arrives", function()
    local server <close> = serve("x")
    local c <close> = client(server)
    pcall(c.send, c, "GET / HTTP/1.1\r\n" .. ("x"):rep(500000))
    assert.are.equal(431, c:response().status)
  end)
end)

describe("a server without descriptors", function()
  it("goes on when there are some again", function()
    local output <const>, code <const> = support.program([[
      local lull, net, http = require "lull", require "lull.net", require "lull.http"
      local server = http.serve({ port = 0 }, function() return "hello" end)
      local held = {}
      while true do
        local ok, stream = pcall(net.connect, "127.0.0.1", server.port)
        if not ok then break end
        held[#held + 1] = stream
        if #held > 100 then error "no limit" end
      end
      for _, stream in ipairs(held) do stream:close() end
      lull.sleep(0.3)
      local stream = net.connect("127.0.0.1", server.port)
      stream:write "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
      print(stream:read "a":match "\r\n\r\n(.*)")
      server:close()]], support.FEW_DESCRIPTORS)
    assert.is_truthy(output:find "hello\n$", output)
    assert.are.equal(0, code)
  end)
end)

describe("smuggling", function()
  --- Two requests in one's body: the second must never be answered.
  local inner <const> = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
  local attempts <const> = {
    { "length and chunks", "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" },
    { "chunks and length", "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" },
    { "a coding behind a tab", "Transfer-Encoding:\tchunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" },
    { "a coding in two lines", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" },
    { "a coding with a vertical tab", "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n" },
    { "xchunked", "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" },
    { "a quoted coding", 'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n' },
    { "a coding in a folded line", "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" },
    { "two lengths", "Content-Length: 0\r\nContent-Length: 40\r\n\r\n" },
    { "two lengths in one", "Content-Length: 0, 40\r\n\r\n" },
    { "a length with a sign", "Content-Length: +0\r\n\r\n" },
    { "a length in hexadecimal", "Content-Length: 0x0\r\n\r\n" },
    { "a length behind a space", "Content-Length : 0\r\n\r\n" },
    { "a length in the trailers", "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 40\r\n\r\n" },
    { "a chunk's size with a minus", "Transfer-Encoding: chunked\r\n\r\n-0\r\n\r\n" },
    { "a chunk that ends in LF", "Transfer-Encoding: chunked\r\n\r\n1\r\na\n0\r\n\r\n" },
    { "a chunk's size that wraps around", "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n\r\n" },
  }
  for _, attempt in ipairs(attempts) do
    it("with " .. attempt[1] .. " fails", function()
      local paths <const> = {}
      local server <close> = serve(function(req)
        paths[#paths + 1] = req.path
        req:body()
        return "x"
      end)
      local answer <const> = support.exchange(server, "POST / HTTP/1.1\r\nHost: h\r\n" .. attempt[2] .. inner)
      assert.is_truthy(answer:find "^HTTP/1.1 400 ", answer)
      assert.is_nil(answer:find("HTTP/1.1", 2, true))
      assert.are_not.equal("/smuggled", paths[#paths])
    end)
  end
end)
