--- http_server_life_spec.lua: servers begin, end, and hand connections over.

local http = require "lull.http"
local lull = require "lull"
local net = require "lull.net"
local testing = require "lull.testing"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_serve.lua")
local go, ends, misuse = support.go, support.ends, support.misuse
local serve, client, get = support.serve, support.client, support.get

local PATIENCE <const> = 20 -- seconds until something is missed

--- A handler that waits until it is told, and what it tells of.
local function gate()
  local entered <const>, opened <const> = lull.future(), lull.future()
  return function()
    entered:try_set()
    opened:await()
    return "through"
  end, entered, opened
end

describe("serve", function()
  it("returns at once, with the port", function()
    local server <close> = serve "x"
    assert.are.same({ "127.0.0.1", server.port }, { server:sockname() })
    assert.are.equal("http server (127.0.0.1:" .. server.port .. ")", tostring(server))
  end)

  it("serves a Unix socket", function()
    local path <const>, file <const> = support.socket_path()
    local _ <close> = file
    local peer = "unset"
    local _ <close> = http.serve({ path = path }, function(req)
      peer = req.peer
      return "x"
    end)
    local stream <close> = net.connect_unix(path)
    stream:write "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    assert.is_truthy(stream:read("a"):find "\r\n\r\nx$")
    assert.is_nil(peer)
  end)

  it("takes what can be called", function()
    local object <const> = setmetatable({}, { __call = function(_, req) return req.path end })
    local server <close> = http.serve({ port = 0 }, object)
    assert.are.equal("/x", get(server, "/x").body)
  end)

  it("takes a router", function()
    local app <const> = http.router()
    app:get("/users/:id", function(req) return req.params.id end)
    app:post("/small", function(req) return req:body() end, { max_body = 3 })
    local server <close> = http.serve({ port = 0 }, app)
    assert.are.equal("7", get(server, "/users/7").body)
    assert.are.equal(404, get(server, "/none").status)
    local c <close> = client(server)
    assert.are.equal(413, c:post("/small", "four"):response().status)
  end)

  it("checks its arguments", function()
    local function handler() end
    misuse(http.serve)
    misuse(http.serve, {}, "no handler")
    misuse(http.serve, { unknown = 1 }, handler)
    misuse(http.serve, { max_body = 0 }, handler)
    misuse(http.serve, { idle_timeout = -1 }, handler)
    misuse(http.serve, { header_timeout = "soon" }, handler)
    misuse(http.serve, { max_fields = 1000 }, handler)
    misuse(http.serve, { max_head = 1 << 30 }, handler)
    misuse(http.serve, { server = "two\nlines" }, handler)
    misuse(http.serve, { server = ("x"):rep(100) }, handler)
    misuse(http.serve, { on_error = 1 }, handler)
    misuse(http.serve, { access_log = 1 }, handler)
    misuse(http.serve, { port = 70000 }, handler)
    misuse(http.serve, { port = 0, path = "/nowhere/x" }, handler)
  end)

  it("shares a port with others that say so", function()
    local one <close> = serve("x", { reuse_port = true })
    local other <close> = serve("x", { reuse_port = true, port = one.port })
    assert.are.equal(one.port, other.port)
  end)
end)

describe("the end of a server", function()
  it("by close cancels handlers and ends connections", function()
    local handler <const>, entered <const> = gate()
    local server <const> = serve(handler)
    local c <close>, idle <const> = client(server), client(server)
    c:ask "/"
    entered:await()
    server:close()
    assert.is_true(c:is_cut())
    assert.is_true(idle:is_cut())
    idle:close()
  end)

  it("by drain lets the running request end, and idle connections at once", function()
    local handler <const>, entered <const>, opened <const> = gate()
    local server <close> = serve(handler)
    local idle <close> = client(server)
    local c <close> = client(server)
    c:ask "/"
    entered:await()
    local draining <const> = go(server.drain, server, 20)
    assert.is_true(idle:ended())
    assert.are.equal("pending", draining:status())
    opened:set()
    local response <const> = c:response()
    assert.are.equal("through", response.body)
    assert.are.equal("close", response.headers.connection)
    ends("done", draining)
    support.raises("io", net.connect, "127.0.0.1", server.port)
  end)

  it("by drain closes connections that have been answered", function()
    local server <close> = serve "x"
    local c <close> = client(server)
    assert.are.equal(200, c:ask("/"):response().status)
    server:drain()
    assert.is_true(c:ended())
  end)

  it("by drain is over after the seconds given", function()
    local handler <const>, entered <const> = gate()
    local server <close> = serve(handler)
    local c <close> = client(server)
    c:ask "/"
    entered:await()
    server:drain(0.01)
    assert.is_true(c:is_cut())
  end)

  it("comes with that of its scope", function()
    local port
    local task <const> = go(function()
      lull.group(function(group)
        group:spawn(function() port = serve("x").port end)
        group:spawn(lull.sleep_forever)
      end)
    end)
    testing.settle()
    task:cancel()
    ends("cancelled", task)
    support.raises("io", net.connect, "127.0.0.1", port)
  end)

  it("comes with grace for what is being answered, if that is wanted", function()
    local handler <const>, entered <const>, opened <const> = gate()
    local server
    local scope <const> = go(function() server = serve(handler, { grace = 10 }) end)
    testing.settle()
    local c <close>, idle <const> = client(server), client(server)
    c:ask "/"
    entered:await()
    scope:cancel()
    assert.is_true(idle:ended())
    idle:close()
    assert.are.equal("pending", scope:status())
    opened:set()
    assert.are.equal("through", c:response().body)
    ends("cancelled", scope)
  end)

  it("comes with grace for a to-be-closed server, too", function()
    local handler <const>, entered <const>, opened <const> = gate()
    local server
    local scope <const> = go(function()
      local closed <close> = serve(handler, { grace = 10 })
      server = closed
      lull.sleep_forever()
    end)
    testing.settle()
    local c <close> = client(server)
    c:ask "/"
    entered:await()
    scope:cancel()
    testing.settle()
    assert.are.equal("pending", scope:status())
    opened:set()
    assert.are.equal("through", c:response().body)
    ends("cancelled", scope)
  end)

  it("waits for handlers to clean up before a cancelled task closes what they use", function()
    local events <const>, entered <const> = {}, lull.future()
    local server
    local scope <const> = go(function()
      local _ <close> = lull.finally(function() events[#events + 1] = "closed" end)
      local closed <close> = serve(function()
        local _ <close> = lull.finally(function()
          lull.yield()
          events[#events + 1] = "handler"
        end)
        entered:set()
        lull.sleep_forever()
      end)
      server = closed
      lull.sleep_forever()
    end)
    testing.settle()
    local c <close> = client(server)
    c:ask "/"
    entered:await()
    scope:cancel()
    ends("cancelled", scope)
    assert.are.same({ "handler", "closed" }, events)
  end)

  it("comes with grace that is over some time", function()
    local handler <const>, entered <const> = gate()
    local server
    local scope <const> = go(function() server = serve(handler, { grace = 0.01 }) end)
    testing.settle()
    local c <close> = client(server)
    c:ask "/"
    entered:await()
    scope:cancel()
    ends("cancelled", scope)
    assert.is_true(c:is_cut())
  end)

  it("is waited for", function()
    local server <close> = serve "x"
    local waiting <const> = go(server.wait, server)
    testing.settle()
    assert.are.equal("pending", waiting:status())
    server:close()
    ends("done", waiting)
  end)

  it("leaves no timer behind that would hold up the program", function()
    local output <const>, code <const> = support.program [[
      local http, net = require "lull.http", require "lull.net"
      local server = http.serve({ port = 0 }, function() return "x" end)
      local c = net.connect("127.0.0.1", server.port)
      c:write "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
      c:read_some()
      server:close()
      c:close()]]
    assert.are.same({ "", 0 }, { output, code })
  end)
end)

describe("a handler whose client is gone", function()
  --- fn(ended), with what a handler sets at its end that waits for ever, once its client is gone.
  local function watched(fn, opts, configure)
    local entered <const>, ended <const> = lull.future(), lull.future()
    local server <close> = serve(function(req)
      if configure then req:configure { cancel_on_disconnect = true } end
      if req.path == "/quick" then return "x" end
      local _ <close> = setmetatable({}, { __close = function() ended:set() end })
      entered:set()
      lull.sleep_forever()
    end, opts)
    local c <close> = client(server)
    assert.are.equal(200, c:ask("/quick"):response().status)
    c:ask "/"
    entered:await()
    c:close()
    fn(ended)
  end

  local function ends_soon(ended) lull.timeout(PATIENCE, ended.await, ended) end

  it("goes on by default", function()
    watched(function(ended)
      testing.settle()
      lull.sleep(0.05)
      assert.are.equal("pending", ended:status())
    end)
  end)
  it("is cancelled where the server says so", function() watched(ends_soon, { cancel_on_disconnect = true }) end)
  it("is cancelled where its route says so", function() watched(ends_soon, nil, true) end)

  it("may say so in a group of its own", function()
    local server <close> = serve(function(req)
      lull.group(function() req:configure { cancel_on_disconnect = true } end)
      return "not waited for"
    end)
    assert.are.equal("not waited for", get(server).body)
  end)

  it("knows once it was told", function()
    local closed
    local server <close> = serve(function(req)
      assert.is_false(req.closed)
      pcall(function()
        lull.sleep(0.02)
        return req:body()
      end)
      closed = req.closed
    end)
    local c <close> = client(server)
    c:send "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nx"
    c.stream:abort()
    assert.is_true(lull.move_on_after(PATIENCE, function()
      while closed == nil do lull.sleep(0.005) end
    end))
    assert.is_true(closed)
  end)
end)

describe("access_log", function()
  it("is called after every response", function()
    local entries <const> = {}
    local server <close> = serve(function(req)
      if req.path == "/bad" then error "x" end
      return "hello"
    end, { access_log = function(entry) entries[#entries + 1] = entry end })
    local c <close> = client(server)
    support.reported(function()
      c:ask("/one"):response()
      c:ask("/bad"):response()
    end)
    testing.settle()
    assert.are.same({ "GET", "/one", 200, 5 }, {
      entries[1].method, entries[1].target, entries[1].status, entries[1].bytes,
    })
    assert.are.equal("number", type(entries[1].seconds))
    assert.are.equal("127.0.0.1", entries[1].request.peer)
    assert.are.same({ "/bad", 500 }, { entries[2].target, entries[2].status })
    c:send "GARBAGE\r\n\r\n"
    assert.are.equal(400, c:response().status)
    assert.is_nil(entries[3].request)
    assert.are.same({ 400, "127.0.0.1" }, { entries[3].status, entries[3].peer })
  end)
end)

describe("upgrade", function()
  it("hands the stream over, with what came behind the request", function()
    local server <close> = serve(function(req)
      local stream <const> = req:upgrade("shout", { ["x-more"] = "1" })
      for line in stream:lines "L" do stream:write(line:upper()) end
      return "ignored"
    end)
    local c <close> = client(server)
    c:send "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: shout\r\n\r\nearly\n"
    local response <const> = c:response()
    assert.are.equal(101, response.status)
    assert.are.same({ "shout", "Upgrade", "1" }, {
      response.headers.upgrade, response.headers.connection, response.headers["x-more"],
    })
    assert.is_nil(response.headers["content-length"])
    assert.are.equal("EARLY", c.stream:read())
    c:send "late\n"
    assert.are.equal("LATE", c.stream:read())
    c.stream:shutdown()
    assert.is_true(c:ended())
  end)

  it("makes a tunnel of CONNECT", function()
    local server <close> = serve(function(req)
      assert.are.same({ "CONNECT", "a:1", "" }, { req.method, req.host, req.path })
      req:upgrade():write "tunnel"
    end)
    local answer <const> = support.exchange(server, "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n")
    assert.is_truthy(answer:find "^HTTP/1.1 200 OK\r\n")
    assert.is_truthy(answer:find "\r\n\r\ntunnel$")
  end)

  it("is not possible twice, nor in front of a body that has not come", function()
    local server <close> = serve(function(req)
      req:upgrade()
      support.raises("closed", req.upgrade, req)
    end)
    assert.is_truthy(support.exchange(server, "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n"):find "200 OK")
    local other <close> = serve(function(req) req:upgrade "x" end)
    local c <close> = client(other)
    c:send("POST / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n"
      .. "Content-Length: 5\r\n\r\n")
    assert.are.equal(400, c:response().status)
  end)

  it("goes to no protocol that the client does not offer", function()
    local server <close> = serve(function(req) req:upgrade "Shout/1" end)
    for _, offer in ipairs {
      "", "Upgrade: shout/1\r\n", "Connection: upgrade\r\n",
      "Connection: upgrade\r\nUpgrade: shout/2, whisper\r\n",
    } do
      local response <const> = get(server, "/", offer)
      assert.are.equal(426, response.status, offer)
      assert.are.equal("Shout/1", response.headers.upgrade)
    end
    assert.are.equal(101, get(server, "/", "Connection: x, Upgrade\r\nUpgrade: a, shout/1\r\n").status)
    local old <const> = "GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: shout/1\r\n\r\n"
    assert.is_truthy(support.exchange(server, old):find "^HTTP/1.1 426 ")
  end)

  it("that does not happen leaves no request to be read behind CONNECT", function()
    local asked <const> = {}
    local server <close> = serve(function(req)
      asked[#asked + 1] = req.target
      return "no tunnel"
    end)
    local answer <const> = support.exchange(server,
      "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\nGET /in/the/tunnel HTTP/1.1\r\nHost: h\r\n\r\n")
    assert.is_truthy(answer:find("Connection: close", 1, true))
    assert.are.same({ "a:1" }, asked)
  end)
end)

describe("idle connections", function()
  it("are ended in virtual time, too", function()
    testing.virtual_time(function()
      local server <close> = serve("x", { idle_timeout = 60, header_timeout = 30 })
      local c <close> = client(server)
      c.stream:set_timeout(nil)
      assert.are.equal(200, c:ask("/"):response().status)
      local start <const> = lull.now()
      assert.is_true(c:ended())
      local seconds <const> = lull.now() - start
      assert.is_true(seconds >= 60 and seconds < 70, tostring(seconds))
    end)
  end)
end)
