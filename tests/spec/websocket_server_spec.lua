--- websocket_server_spec.lua: WebSockets of lull.http's server.

local http = require "lull.http"
local websocket = require "lull.websocket"
local here = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local support = dofile(here .. "support_ws.lua")
local raises = support.raises

--- A server with a socket that echoes at /echo.
local function serve(opts)
  local server = http.serve({}, function(req)
    if req.path ~= "/echo" then return "a page" end
    local sock <close> = req:websocket(opts)
    support.echo(sock)
  end)
  server.url = ("ws://127.0.0.1:%d/echo"):format(server.port)
  return server
end

describe("req:websocket()", function()
  it("gives a socket", function()
    local server <close> = serve { protocols = { "chat" }, compress = true }
    local sock <close> = websocket.connect(server.url, { protocols = { "chat" } })
    assert.are.equal("chat", sock.protocol)
    for _, size in ipairs { 0, 5, 70000 } do
      local text = ("x"):rep(size)
      sock:send(text)
      assert.is_true(sock:recv() == text)
    end
    sock:close(3000)
    assert.are.equal(3000, sock.close_code)
  end)
  it("receives what was sent right behind the request", function()
    local server <close> = serve()
    local stream <close> = require "lull.net".connect("127.0.0.1", server.port)
    stream:write("GET /echo HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      .. "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
      .. support.frame { opcode = 1, payload = "early", mask = true })
    assert.is_truthy(stream:read_until("\r\n\r\n"):find "^HTTP/1.1 101 ")
    assert.are.equal("early", support.read_frame(stream).payload)
  end)
  it("answers other requests by itself", function()
    local server <close> = serve()
    local url = ("http://127.0.0.1:%d/echo"):format(server.port)
    local res = http.get(url)
    assert.are.equal(426, res.status)
    assert.are.equal("websocket", res.headers.upgrade)
    assert.are.equal(403, raises("http", websocket.connect, server.url, { origin = "http://evil" }).status)
    local e = raises("http", websocket.connect, (server.url:gsub("echo", "page")))
    assert.are.equal(200, e.status)
    assert.are.equal("a page", e.body)
  end)
  it("is closed when the handler fails, with 1011", function()
    local errors = support.reported(function()
      local server <close> = http.serve({}, function(req)
        local sock <close> = req:websocket()
        error(("as planned, %s"):format(sock:recv()), 0)
      end)
      local sock <close> = websocket.connect(("ws://127.0.0.1:%d"):format(server.port))
      sock:send "x"
      assert.are.equal(1011, raises("closed", sock.recv, sock).code)
    end)
    assert.are.equal(1, #errors)
  end)
end)
