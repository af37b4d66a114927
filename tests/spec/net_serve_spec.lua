--- net_serve_spec.lua: servers; net_listen_spec.lua has listeners.

local lull = require "lull"
local net = require "lull.net"
local testing = require "lull.testing"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_net.lua")
local go, ends, raises, misuse = support.go, support.ends, support.raises, support.misuse

local function echo(stream)
  for line in stream:lines("L") do stream:write(line) end
end

--- Connect, write, read the answer, close.
local function ask(server, text)
  local s <close> = net.connect("127.0.0.1", server.port)
  s:write(text, "\n")
  return s:read()
end

describe("serve", function()
  it("handles each connection in a task of its own", function()
    local server <close> = net.serve({}, echo)
    local answers = lull.map({ "a", "b", "c" }, function(text) return ask(server, text) end)
    assert.are.same({ "a", "b", "c", n = 3 }, answers)
  end)

  it("returns at once, with the port", function()
    local server <close> = net.serve({ port = 0 }, echo)
    assert.are.equal("integer", math.type(server.port))
    assert.are.same({ "127.0.0.1", server.port }, { server:sockname() })
    assert.are.equal("server (127.0.0.1:" .. server.port .. ")", tostring(server))
  end)

  it("serves a Unix socket", function()
    local path, closer = support.socket_path()
    local _ <close> = closer
    local server <close> = net.serve({ path = path }, echo)
    assert.is_nil(server.port)
    local s <close> = net.connect_unix(path)
    s:write("hello\n")
    assert.are.equal("hello", s:read())
  end)

  it("closes the handler's stream after it", function()
    local server <close> = net.serve({}, function(stream) stream:write("bye\n") end)
    local s <close> = net.connect("127.0.0.1", server.port)
    assert.are.equal("bye\n", s:read("a"))
  end)

  it("reports what a handler raises, closes its stream, and goes on", function()
    local boom = {}
    local errors = support.reported(function()
      local server <close> = net.serve({}, function(stream)
        local line = stream:read()
        if line == "fail" then error(boom) end
        stream:write(line, "\n")
      end)
      assert.is_nil(ask(server, "fail"))
      assert.are.equal("well", ask(server, "well"))
    end)
    assert.are.equal(1, #errors)
    assert.is_true(rawequal(boom, errors[1]))
  end)

  it("goes on when what a handler has started fails, which ends that handler", function()
    local server <close> = net.serve({}, function(stream)
      if stream:read "l" == "good" then return stream:write "fine\n" end
      lull.spawn(function() error("child", 0) end)
      lull.sleep_forever()
    end)
    local reported <const> = {}
    local previous <const> = lull.on_error(function(e) reported[#reported + 1] = e end)
    local _ <close> = lull.finally(function() lull.on_error(previous) end)
    local bad <close> = net.connect("127.0.0.1", server.port)
    bad:write "bad\n"
    assert.is_nil(bad:read "l")
    local good <close> = net.connect("127.0.0.1", server.port)
    good:write "good\n"
    assert.are.equal("fine", good:read "l")
    assert.are.same({ "child" }, reported)
  end)

  it("reports a connection that breaks like any other failure", function()
    local errors = support.reported(function()
      local server <close> = net.serve({}, function(stream) stream:read("a") end)
      local s = net.connect("127.0.0.1", server.port)
      s:write("x")
      testing.settle()
      s:abort()
      testing.settle()
    end)
    assert.are.equal(1, #errors)
    assert.are.equal("ECONNRESET", errors[1].code)
  end)

  it("takes whatever can be called as a handler", function()
    local handler = setmetatable({}, { __call = function(_, stream) stream:write("called\n") end })
    local server <close> = net.serve({}, handler)
    assert.are.equal("called", ask(server, "x"))
  end)

  it("passes options on to its streams", function()
    local server <close> = net.serve({ max_line = 5, timeout = 5 }, function(stream)
      local _, e = pcall(stream.read, stream)
      stream:write(e.kind, "\n")
    end)
    assert.are.equal("limit", ask(server, "too long"))
  end)

  it("refuses wrong arguments, naming them", function()
    for _, arguments in ipairs {
      {}, { 1, echo }, { {} }, { {}, 1 }, { { port = -1 }, echo }, { { port = "x" }, echo },
      { { host = 1 }, echo }, { { path = 1 }, echo }, { { path = "" }, echo }, { { backlog = 0 }, echo },
      { { max_connections = 0 }, echo }, { { max_conns = 1 }, echo },
      { { max_connections = "x" }, echo }, { { host = "" }, echo },
      { { path = "/nowhere/x", port = 0 }, echo }, { { path = "/nowhere/x", host = "*" }, echo },
    } do
      misuse(net.serve, table.unpack(arguments, 1, 2))
      if type(arguments[1]) == "table" and arguments[1].path then misuse(net.listen, arguments[1]) end
    end
  end)

  it("raises io when the address is taken", function()
    local server <close> = net.serve({}, echo)
    local e = raises("io", net.serve, { port = server.port }, echo)
    assert.are.equal("EADDRINUSE", e.code)
    assert.are.equal("listen", e.op)
    assert.is_truthy(e.message:find("127.0.0.1:" .. server.port, 1, true))
  end)

  it("raises usage outside a task", function()
    local output = support.program [[
      local lull = require "lull"
      local net = require "lull.net"
      lull.on_error(function() -- runs in no task
        print(select(2, pcall(net.serve, {}, print)).kind)
      end)
      require("lull.core").report("now")]]
    assert.are.equal("usage\n", output)
  end)
end)

describe("a server's owner", function()
  it("waits for it", function()
    local server
    local task = go(function()
      server = net.serve({}, echo)
    end)
    testing.settle()
    assert.are.equal("pending", task:status())
    assert.are.equal("x", ask(server, "x"))
    server:close()
    ends("done", task)
  end)

  it("that is cancelled cancels it and its handlers, and closes all", function()
    local server, cleaned
    local task = go(function()
      server = net.serve({}, function(stream)
        local _ <close> = lull.finally(function() cleaned = true end)
        stream:read()
      end)
    end)
    testing.settle()
    local s <close> = net.connect("127.0.0.1", server.port)
    testing.settle()
    task:cancel()
    ends("cancelled", task)
    assert.is_true(cleaned)
    assert.is_nil(s:read())
    assert.are.equal("ECONNREFUSED", raises("io", net.connect, "127.0.0.1", server.port).code)
  end)

  it("may be a group that is left with an error", function()
    local port
    local ok, e = pcall(lull.group, function()
      port = net.serve({}, echo).port
      error("enough", 0)
    end)
    assert.is_false(ok)
    assert.are.equal("enough", e)
    testing.settle()
    raises("io", net.connect, "127.0.0.1", port)
  end)
end)

describe("close", function()
  it("stops accepting, cancels the handlers and waits for them", function()
    local cleaned = 0
    local server = net.serve({}, function(stream)
      local _ <close> = lull.finally(function()
        lull.yield()
        cleaned = cleaned + 1
      end)
      stream:read()
    end)
    local s <close>  = net.connect("127.0.0.1", server.port)
    local t <close> = net.connect("127.0.0.1", server.port)
    testing.settle()
    server:close()
    assert.are.equal(2, cleaned)
    assert.is_nil(s:read())
    assert.is_nil(t:read())
    raises("io", net.connect, "127.0.0.1", server.port)
  end)

  it("may be called again, and before the server has begun", function()
    local server = net.serve({}, echo)
    server:close()
    server:close()
    server:wait()
    server:drain(20)
    assert.are.equal("server (closed)", tostring(server))
  end)

  it("may come from a handler, which ends with it", function()
    local server
    server = net.serve({}, function(stream)
      stream:read()
      server:close()
    end)
    assert.is_nil(ask(server, "close"))
    server:wait()
  end)

  it("comes at the end of a block", function()
    local port
    do
      local server <close> = net.serve({}, echo)
      port = server.port
    end
    raises("io", net.connect, "127.0.0.1", port)
  end)

  it("leaves no connection open whose handler has not begun", function()
    local server = net.serve({}, function(stream) stream:read() end)
    local clients = {}
    for i = 1, 5 do clients[i] = net.connect("127.0.0.1", server.port) end
    server:close()
    for _, client in ipairs(clients) do
      local ok, e = pcall(client.read, client)
      assert.is_true(ok and e == nil or e.code == "ECONNRESET", tostring(e))
      client:close()
    end
  end)
end)

describe("drain", function()
  it("stops accepting and lets the handlers end", function()
    local release = lull.future()
    local server = net.serve({}, function(stream)
      release:await()
      stream:write("done\n")
    end)
    local s <close> = net.connect("127.0.0.1", server.port)
    testing.settle()
    local draining = go(server.drain, server, 20)
    testing.settle()
    assert.are.equal("pending", draining:status())
    raises("io", net.connect, "127.0.0.1", server.port)
    release:set()
    ends("done", draining)
    assert.are.equal("done", s:read())
  end)

  it("closes when the time is over", function()
    local server = net.serve({}, function(stream) stream:read() end)
    local s <close> = net.connect("127.0.0.1", server.port)
    testing.settle()
    local milliseconds = support.timed(server.drain, server, 0.05)
    assert.is_true(milliseconds >= 50)
    assert.is_nil(s:read())
  end)

  it("without handlers returns at once", function()
    local server = net.serve({}, echo)
    testing.settle()
    server:drain(5)
    server:wait()
  end)

  it("without a time waits as long as it takes", function()
    local server = net.serve({}, function(stream) stream:read() end)
    local s = net.connect("127.0.0.1", server.port)
    testing.settle()
    local draining = go(server.drain, server)
    testing.settle()
    assert.are.equal("pending", draining:status())
    s:close()
    ends("done", draining)
  end)
end)

describe("in one of its own handlers", function()
  it("wait, and drain without a time, raise usage, in its tasks, too", function()
    local server
    server = net.serve({}, function(stream)
      local function inside(fn)
        local task = go(fn, server)
        task:join()
        return task:error().kind
      end
      stream:write(raises("usage", server.wait, server).kind, " ", raises("usage", server.drain, server).kind,
        " ", inside(server.wait), "\n")
    end)
    assert.are.equal("usage usage usage", ask(server, "x"))
    server:close()
  end)

  it("drain with a time ends the others, and then it", function()
    local server
    server = net.serve({}, function(stream)
      stream:read()
      server:drain(0.01)
    end)
    assert.is_nil(ask(server, "x"))
    server:wait()
  end)

  it("a task that belongs to others may wait", function()
    local waited
    lull.group(function(group)
      local server
      server = net.serve({}, function(stream)
        stream:read()
        waited = group:spawn(server.drain, server)
      end)
      assert.is_nil(ask(server, "x"))
    end)
    assert.are.equal("done", waited:status())
  end)
end)

describe("max_connections", function()
  it("is bounded by itself", function()
    local start = require "lull.net.server"
    assert.is_true(start.max_connections() <= 10000)
    local output = support.program(
      'print(require("lull.net.server").max_connections())', "ulimit -n 80;")
    assert.are.equal("60\n", output)
  end)

  it("pauses accepting until a handler has ended", function()
    local running, most = 0, 0
    local server <close> = net.serve({ max_connections = 2 }, function(stream)
      running = running + 1
      most = math.max(most, running)
      echo(stream)
      running = running - 1
    end)
    local clients = {}
    for i = 1, 5 do
      clients[i] = net.connect("127.0.0.1", server.port)
      clients[i]:write(i, "\n")
    end
    assert.are.equal("1", clients[1]:read())
    assert.are.equal("2", clients[2]:read())
    local third = go(clients[3].read, clients[3])
    testing.settle()
    assert.are.equal("pending", third:status())
    clients[1]:close()
    assert.are.equal("3", third:await())
    clients[2]:close()
    clients[3]:close()
    assert.are.equal("4", clients[4]:read())
    assert.are.equal("5", clients[5]:read())
    assert.are.equal(2, most)
    clients[4]:close()
    clients[5]:close()
  end)

  it("does not count connections whose handler was cancelled", function()
    local server <close> = net.serve({ max_connections = 1 }, function(stream)
      if stream:read() == "cancel" then lull.current():cancel() end
      stream:write("ok\n")
    end)
    assert.is_nil(ask(server, "cancel"))
    assert.are.equal("ok", ask(server, "x"))
  end)

  it("does not keep the server from closing or draining", function()
    for _, how in ipairs { "close", "drain" } do
      local server = net.serve({ max_connections = 1 }, function(stream) stream:read() end)
      local s <close> = net.connect("127.0.0.1", server.port)
      local t <close> = net.connect("127.0.0.1", server.port)
      testing.settle()
      local ending = go(server[how], server, 5)
      testing.settle()
      s:close()
      ends("done", ending)
      t:close()
    end
  end)
end)

describe("out of descriptors", function()
  it("accepting pauses and goes on, and nobody gets an error", function()
    local output, code = support.program([[
      local lull = require "lull"
      local net = require "lull.net"
      local server = net.serve({}, function(stream) stream:write(stream:read(), "\n") end)
      local hogs = {}
      local clients = {}
      for i = 1, 3 do clients[i] = net.connect("127.0.0.1", server.port) end
      -- connected, and not accepted yet: now there is none left for them
      while true do
        local ok, r, w = pcall(net.pipe)
        if not ok then print(r.kind, r.code) break end
        hogs[#hogs + 1] = r
        hogs[#hogs + 1] = w
      end
      while true do
        local ok, file = pcall(function() return assert(io.open("/dev/null")) end)
        if not ok then break end
        hogs[#hogs + 1] = file
      end
      for i = 1, 3 do clients[i]:write(i, "\n") end
      lull.sleep(0.25)
      print(#lull.tasks() <= 5)
      for _, hog in ipairs(hogs) do hog:close() end
      for i = 1, 3 do print(clients[i]:read()) end
      server:close()]], support.FEW_DESCRIPTORS)
    assert.are.equal("io\tEMFILE\ntrue\n1\n2\n3\n", output)
    assert.are.equal(0, code)
  end)

  it("connecting raises io", function()
    local output = support.program([[
      local net = require "lull.net"
      local listener = net.listen {}
      local all = {}
      local ok, e
      repeat
        ok, e = pcall(net.connect, "127.0.0.1", listener.port)
        all[#all + 1] = e
      until not ok
      print(e.kind, e.code, e.op)]], support.FEW_DESCRIPTORS)
    assert.are.equal("io\tEMFILE\ttcp.connect\n", output)
  end)
end)
