--- http_server_errors_spec.lua: what a server makes of errors that handlers do not catch.

local http = require "lull.http"
local lull = require "lull"
local ws = require "lull.websocket"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_serve.lua")
local serve, client, get = support.serve, support.client, support.get

describe("an error that a handler does not catch", function()
  it("is not the status of another server's response", function()
    local behind <close> = serve { status = 401, body = "who are you?" }
    local url <const> = ("http://127.0.0.1:%d/internal"):format(behind.port)
    local server <close> = serve(function() return http.get(url):raise_for_status().body end)
    local errors <const> = support.reported(function()
      local response <const> = get(server)
      assert.are.equal(500, response.status)
      assert.is_nil(response.body:find "internal")
    end)
    assert.are.equal(401, errors[1].status)
  end)

  it("is not that of a WebSocket which another server has refused", function()
    local behind <close> = serve { status = 403, headers = { ["x-key"] = "secret" }, body = "no" }
    local url <const> = ("ws://127.0.0.1:%d/internal"):format(behind.port)
    local server <close> = serve(function() ws.connect(url) end)
    local errors <const> = support.reported(function()
      local response <const> = get(server)
      assert.are.equal(500, response.status)
      assert.is_nil(response.headers["x-key"])
    end)
    assert.are.equal(403, errors[1].status)
  end)

  it("is reported with the request, without its query", function()
    local names <const> = {}
    local server <close> = serve(function(req)
      if req.path == "/error" then error "x" end
      return true
    end)
    local previous <const> = lull.on_error(function(_, task) names[#names + 1] = task.name end)
    local _ <close> = lull.finally(function() lull.on_error(previous) end)
    local c <close> = client(server)
    assert.are.equal(500, c:ask("/error?key=secret"):response().status)
    assert.are.equal(500, c:ask("/a%20b"):response().status)
    assert.are.same({ "GET /error", "GET /a%20b" }, names)
  end)

  it("in what it has started ends its connection, not the server", function()
    local server <close> = serve(function(req)
      if req.path == "/good" then return "fine" end
      lull.spawn(function() error("child", 0) end)
      lull.sleep_forever()
    end)
    local errors <const> = support.reported(function()
      local c <close> = client(server)
      assert.is_true(c:ask("/bad"):is_cut())
      assert.are.equal("fine", get(server, "/good").body)
    end)
    assert.are.same({ "child" }, errors)
  end)
end)

describe("a table that is no response", function()
  it("is refused, naming the field, and not taken for an empty one", function()
    for name, value in pairs { boddy = "x", [1] = 404, user = { id = 7 } } do
      local server <close> = serve(function() return { status = 200, [name] = value } end)
      local errors <const> = support.reported(function() assert.are.equal(500, get(server).status) end)
      assert.is_true(lull.is_error(errors[1], "usage"))
      assert.is_truthy(errors[1].message:find(("not '%s'"):format(name), 1, true), errors[1].message)
    end
  end)
end)

describe("a handler's error", function()
  it("is a 500 that tells nothing, reported with a traceback, and the connection goes on", function()
    local trace
    local server <close> = serve(function(req)
      if req.path == "/bad" then error "secret" end
      return "good"
    end)
    local previous <const> = lull.on_error(function(_, _, traceback) trace = traceback end)
    local _ <close> = lull.finally(function() lull.on_error(previous) end)
    local c <close> = client(server)
    local response <const> = c:ask("/bad"):response()
    assert.are.equal(500, response.status)
    assert.is_nil(response.body:find "secret")
    assert.are.equal("good", c:ask("/"):response().body)
    assert.is_truthy(trace:find("http_server_errors_spec.lua", 1, true), trace)
  end)

  it("with a status is answered with that, and with its message, and not reported", function()
    local server <close> = serve(function()
      error(lull.new_error("http", "not here, friend", { status = 410, headers = { ["x-y"] = "z" } }))
    end)
    local errors <const> = support.reported(function()
      local response <const> = get(server)
      assert.are.equal(410, response.status)
      assert.are.equal("z", response.headers["x-y"])
      assert.is_truthy(response.body:find("not here, friend", 1, true))
    end)
    assert.are.same({}, errors)
  end)

  it("of 500 and above is reported, and its message is not shown", function()
    local server <close> = serve(function()
      error(lull.new_error("http", "the database is down", { status = 503 }))
    end)
    local errors <const> = support.reported(function()
      local response <const> = get(server)
      assert.are.equal(503, response.status)
      assert.is_nil(response.body:find "database")
    end)
    assert.are.equal(1, #errors)
  end)

  it("is answered as on_error says", function()
    local seen
    local server <close> = serve(function() error "x" end, {
      on_error = function(req, err)
        seen = { req.path, err }
        return { status = 418, body = "teapot" }
      end,
    })
    support.reported(function() assert.are.equal("teapot", get(server, "/tea").body) end)
    assert.are.equal("/tea", seen[1])
    assert.is_truthy(seen[2]:find "x$")
  end)

  it("in on_error ends the connection", function()
    local server <close> = serve(function() error "x" end, { on_error = function() error "y" end })
    local errors <const> = support.reported(function()
      local c <close> = client(server)
      assert.is_true(c:ask("/"):is_cut())
    end)
    assert.are.equal(2, #errors)
  end)

  it("after the head was sent ends the connection without an end of the body", function()
    local server <close> = serve(function()
      local called = false
      return function()
        if called then error "late" end
        called = true
        return "some"
      end
    end)
    local errors <const> = support.reported(function()
      local c <close> = client(server)
      assert.is_true(c:ask("/"):is_cut())
    end)
    assert.are.equal(1, #errors)
  end)

  it("in something it has spawned is its own", function()
    local server <close> = serve(function()
      lull.group(function(group) group:spawn(function() error "child" end) end)
    end)
    local errors <const> = support.reported(function() assert.are.equal(500, get(server).status) end)
    assert.are.equal(1, #errors)
  end)
end)
