--- self_spec.lua: methods that are called with . for : say so, at the line that did it.

local doc = require "lull.doc"
local fs = require "lull.fs"
local http = require "lull.http"
local lull = require "lull"
local net = require "lull.net"
local process = require "lull.process"
local worker = require "lull.worker"

--- All methods of a class that the reference has, its parents' too, sorted.
local function methods_of(class_name)
  local class <const> = doc.types().classes[class_name]
  local names <const> = {}
  for _, fn in ipairs(class.functions) do
    if fn.kind == "method" then names[#names + 1] = fn.short end
  end
  assert(#names > 0, class_name)
  return names
end

--- Each method, called without an object and with something else for it.
local function check_all(object, names)
  for _, name in ipairs(names) do
    for _, wrong in ipairs { { n = 0 }, { "/x", n = 1 }, { {}, n = 1 } } do
      local ok <const>, message <const> = pcall(function()
        object[name](table.unpack(wrong, 1, wrong.n)) -- this line is named
      end)
      assert.is_false(ok, name)
      assert.are.equal("string", type(message), name)
      local line <const>, said <const>, got <const> =
        message:match "self_spec%.lua:(%d+): bad argument #1 to '([%w_?]+)' %(.+ expected, got (.+)%)$"
      assert.truthy(line and (said == name or said == "?"), name .. ": " .. message)
      assert.truthy(wrong.n == 0 and (got == "no value" or got == "nil") or got == type(wrong[1]), message)
    end
  end
end

local function check_class(object, class_name)
  check_all(object, methods_of(class_name))
end

describe("A method called with . for : names itself and the line", function()
  it("of lull.net", function()
    local a <close>, b <const> = net.pair()
    local _ <close> = b
    local server <close> = net.serve({ port = 0 }, print)
    local listener <close> = net.listen { port = 0 }
    local udp <close> = net.udp()
    check_class(a, "lull.net.Stream")
    check_class(server, "lull.net.Server")
    check_class(listener, "lull.net.Listener")
    check_class(udp, "lull.net.Udp")
  end)

  it("of lull.http", function()
    local requests <const> = lull.future()
    local app <const> = http.router()
    app:get("/", function(req)
      requests:set(pcall(check_class, req, "lull.http.server.Request"))
      return "text"
    end)
    app:get("/events", function()
      return http.sse(function(events)
        check_class(events, "lull.http.Events")
        events:send "done"
      end)
    end)
    local server <close> = http.serve({ port = 0 }, app)
    local client <close> = http.client()
    local url <const> = ("http://127.0.0.1:%d/"):format(server.port)
    local response <const> = client:get(url)
    assert(requests:await())
    assert.truthy(client:get(url .. "events").body:find("data: done", 1, true))
    check_class(app, "lull.http.Router")
    check_class(server, "lull.http.Server")
    check_class(client, "lull.http.Client")
    check_class(response, "lull.http.Response")
    check_class(require "lull.http.cookie".signer(("k"):rep(16)), "lull.http.CookieSigner")
  end)

  it("of parts of forms", function()
    local server <close> = http.serve({ port = 0 }, function(req)
      local count = 0
      for part in req:parts() do
        check_class(part, "lull.http.Part")
        count = count + 1
      end
      return tostring(count)
    end)
    local response <const> = http.post(("http://127.0.0.1:%d/"):format(server.port), {
      multipart = { { name = "a", data = "b" } },
    })
    assert.are.equal("1", response.body)
  end)

  it("of WebSockets", function()
    local websocket <const> = require "lull.websocket"
    local server <close> = http.serve({ port = 0 }, function(req)
      check_class(req:websocket(), "lull.websocket.Socket")
    end)
    local socket <close> = websocket.connect(("ws://127.0.0.1:%d/"):format(server.port))
    check_class(socket, "lull.websocket.Socket")
    assert.is_nil(socket:messages()())
    assert.are.equal(1000, socket.close_code)
  end)

  it("of lull.worker, lull.tls and lull.fs", function()
    local pool <close> = worker.pool(1)
    local root <close> = fs.temp_dir()
    local watch <close> = fs.watch(root.path)
    local file <close> = fs.open(root.path .. "/file", "w")
    check_class(pool, "lull.worker.Pool")
    check_class(require "lull.tls".client {}, "lull.tls.Context")
    check_class(root, "lull.fs.TempDir")
    check_class(watch, "lull.fs.Watch")
    check_class(file, "lull.fs.File")
  end)

  it("where not everything is allowed", function()
    local code <const> = [[
      local app = require "lull.http".router():get("/", print)
      print(pcall(function() app.handle {} end))
      print(pcall(function() app.get "/x" end))]]
    local program <const> = os.getenv "LULL" or (os.getenv "LULL_BUILD" or "build") .. "/lull"
    local result <const> = process.run { program, "--sandbox", "-e", code }
    assert.are.equal("false\t(command line):2: bad argument #1 to 'handle' (lull.http.Router expected, got table)\n"
      .. "false\t(command line):3: bad argument #1 to 'get' (lull.http.Router expected, got string)\n", result.stdout)
  end)

  it("of lull.compat.socket", function()
    local socket <const> = require "lull.compat.socket"
    local tcp <close> = socket.tcp()
    local udp <close> = socket.udp()
    check_all(tcp, { "accept", "bind", "close", "connect", "dirty", "getfamily", "getfd", "getoption", "getpeername",
      "getsockname", "getstats", "gettimeout", "listen", "receive", "send", "setfd", "setoption", "setstats",
      "settimeout", "shutdown" })
    check_all(udp, { "close", "getfamily", "getfd", "getoption", "getpeername", "getsockname", "gettimeout", "receive",
      "receivefrom", "send", "sendto", "setfd", "setoption", "setpeername", "setsockname", "settimeout" })
    assert.truthy(tostring(tcp):find "^tcp{master}: ")
  end)
end)
