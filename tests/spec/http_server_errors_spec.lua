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
