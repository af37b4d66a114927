--- net_hostile_spec.lua: peers that misbehave, and real programs as peers.

local lull = require "lull"
local net = require "lull.net"
local testing = require "lull.testing"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_net.lua")
local go, ends, raises = support.go, support.ends, support.raises

describe("a peer that resets", function()
  it("while one waits for it: the reader gets io", function()
    local s, t, _ <close> = support.tcp_pair()
    local reading = go(s.read, s)
    testing.settle()
    t:abort()
    ends("failed", reading)
    assert.are.equal("ECONNRESET", reading:error().code)
    raises("io", s.read, s)
  end)

  it("while one writes: the writers get io", function()
    local s, t, _ <close> = support.tcp_pair()
    local writers = { support.stuffed(s), go(s.write, s, "x"), go(s.flush, s) }
    testing.settle()
    t:abort()
    for _, writer in ipairs(writers) do
      ends("failed", writer)
      assert.are.equal("io", writer:error().kind)
      assert.is_truthy(({ ECONNRESET = true, EPIPE = true })[writer:error().code])
    end
  end)

  it("after it has sent: what came is not lost before the error", function()
    local s, t, _ <close> = support.tcp_pair()
    t:write("last words\n")
    assert.are.equal("last words", s:read())
    t:abort()
    assert.are.equal("ECONNRESET", raises("io", s.read, s).code)
  end)

  it("in the middle of a line: what is there stays readable", function()
    local s, t, _ <close> = support.tcp_pair()
    local reading = go(s.read, s)
    t:write("par")
    testing.settle()
    t:abort()
    ends("failed", reading)
    assert.are.equal("par", s:read_some())
    raises("io", s.read_some, s)
  end)

  it("before it was accepted: the server goes on", function()
    local served = 0
    local errors = support.reported(function()
      local server <close> = net.serve({}, function(stream)
        local line = stream:read()
        if line then
          served = served + 1
          stream:write(line, "\n")
        end
      end)
      for _ = 1, 10 do net.connect("127.0.0.1", server.port):abort() end
      local s <close> = net.connect("127.0.0.1", server.port)
      s:write("x\n")
      assert.are.equal("x", s:read())
    end)
    assert.are.equal(1, served)
    for _, e in ipairs(errors) do assert.are.equal("ECONNRESET", e.code) end
  end)
end)

describe("a peer that closes one half", function()
  it("can still be answered", function()
    local server <close> = net.serve({}, function(stream) stream:write(stream:read("a"):upper()) end)
    local s <close> = net.connect("127.0.0.1", server.port)
    s:write("question"):shutdown()
    assert.are.equal("QUESTION", s:read("a"))
  end)

  it("at once, with its last bytes: both are seen", function()
    support.on_both_kinds(function(one, other)
      one:write("x"):close()
      testing.settle()
      assert.are.equal("x", other:read_some())
      assert.is_nil(other:read_some())
    end)
  end)
end)

describe("a peer that sends a line without end", function()
  it("costs no more memory than the limit", function()
    local s, t, _ <close> = support.tcp_pair { max_line = 100000 }
    local sending = go(function() t:write(support.FLOOD, support.FLOOD, support.FLOOD) end)
    collectgarbage()
    local before = collectgarbage("count")
    raises("limit", s.read, s)
    assert.is_true(collectgarbage("count") - before < 1000)
    s:close()
    t:close()
    sending:join()
    if sending:status() == "failed" then sending:error() end
  end)

  it("slowly, byte by byte, does not make reading quadratic", function()
    local s, t, _ <close> = support.pair { max_line = 1 << 20 }
    local sending = go(function()
      for _ = 1, 20000 do t:write("x") end
      t:write("\n")
    end)
    local before = os.clock()
    local line = s:read()
    local seconds = os.clock() - before
    assert.are.equal(20000, #line)
    assert.is_true(seconds < 3, seconds .. " s")
    ends("done", sending)
  end)
end)

describe("many peers", function()
  it("that come and go leave nothing behind", function()
    local errors = support.reported(function()
      local server <close> = net.serve({}, function(stream)
        for line in stream:lines("L") do stream:write(line) end
      end)
      local ids = {}
      for i = 1, 40 do ids[i] = i end
      for _ = 1, 5 do
        lull.map(ids, function(i)
          local s <close> = net.connect("127.0.0.1", server.port)
          for j = 1, 5 do
            s:write(i, ".", j, "\n")
            assert.are.equal(i .. "." .. j, s:read())
          end
          if i % 3 == 0 then s:abort() end
        end)
      end
      server:drain(20)
    end)
    assert.are.equal(5 * 13, #errors)
    for _, e in ipairs(errors) do assert.are.equal("ECONNRESET", e.code) end
  end)

  it("under random cancellation, timeouts and resets: no byte is lost or doubled", function()
    math.randomseed(42)
    local errors = support.reported(function()
      local server <close> = net.serve({}, function(stream)
        local expected = 1
        for line in stream:lines() do
          assert(tonumber(line:match("^%d+")) == expected, line)
          expected = expected + 1
          stream:write(line, "\n")
        end
      end)
      math.randomseed(20)
      local function client(id)
        local s <close> = net.connect("127.0.0.1", server.port)
        local writing = lull.async(function()
          for i = 1, 60 do s:write(("%d %s\n"):format(i, ("x"):rep(math.random(0, 3000)))) end
        end)()
        local got, quitting = 0, math.random() < 0.3 and math.random(1, 50)
        while got < 60 do
          local ok, line = lull.move_on_after(math.random() < 0.5 and 0 or 5, s.read, s)
          if ok then
            if not line then break end
            got = got + 1
            assert(tonumber(line:match("^%d+")) == got, line)
            if got == quitting then
              writing:cancel()
              writing:join()
              s:abort()
              return
            end
          end
        end
        writing:await()
        assert(got == 60, ("client %d got %d"):format(id, got))
      end
      for _ = 1, 4 do
        lull.map({ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, client)
      end
      server:drain(20)
    end)
    for _, e in ipairs(errors) do
      assert.is_true(lull.is_error(e, "io"), tostring(e))
    end
  end)
end)

-- ---- real programs ----

--- The path of a program of the tests' dependencies.
local function program(name)
  local found = io.popen("PATH=$PATH:/usr/sbin:/usr/local/sbin command -v " .. name)
  local path = found:read()
  found:close()
  return assert(path, name .. " is not installed: make deps")
end

--- A directory of its own for a program that serves, and how to end both.
local function start(command, pid_file)
  local dir = os.tmpname()
  os.remove(dir)
  assert(os.execute("mkdir " .. dir))
  assert(os.execute(command(dir)), "it did not start: " .. command(dir))
  return dir, setmetatable({}, { __close = function()
    os.execute(("test -f %s/%s && kill $(cat %s/%s); rm -rf %s"):format(dir, pid_file, dir, pid_file, dir))
  end })
end

--- Connect as soon as it listens.
local function connect_when_up(connect)
  return lull.timeout(20, function()
    while true do
      local ok, s = pcall(connect)
      if ok then return s end
      lull.sleep(0.01)
    end
  end)
end

describe("redis-server", function()
  it("answers over a Unix socket, pipelined and in large pieces", function()
    local redis = program "redis-server"
    local dir, closer = start(function(dir)
      return ("%s --daemonize yes --port 0 --unixsocket %s/socket --pidfile %s/pid --dir %s --save '' " ..
        "--logfile %s/log"):format(redis, dir, dir, dir, dir)
    end, "pid")
    local _ <close> = closer
    local s <close> = connect_when_up(function() return net.connect_unix(dir .. "/socket") end)

    local function command(...)
      local parts = { "*", select("#", ...), "\r\n" }
      for _, argument in ipairs { ... } do
        for _, part in ipairs { "$", #argument, "\r\n", argument, "\r\n" } do parts[#parts + 1] = part end
      end
      s:write(table.unpack(parts))
    end
    local function reply()
      local line = s:read_until("\r\n"):sub(1, -3)
      if line:sub(1, 1) ~= "$" then return line end
      local value = s:read_exact(tonumber(line:sub(2)))
      s:read_exact(2)
      return value
    end

    command("PING")
    assert.are.equal("+PONG", reply())
    for i = 1, 500 do command("SET", "key" .. i, ("%d,"):format(i):rep(i)) end
    for i = 1, 500 do
      assert.are.equal("+OK", reply())
      command("GET", "key" .. i)
    end
    for i = 1, 500 do assert.are.equal(("%d,"):format(i):rep(i), reply()) end
    local large = ("0123456789abcdef"):rep(500000)
    command("SET", "large", large)
    assert.are.equal("+OK", reply())
    command("GET", "large")
    assert.is_true(large == reply())
    command("SHUTDOWN", "NOSAVE")
    assert.is_nil(s:read())
  end)
end)

describe("nginx", function()
  it("answers over TCP, keeps the connection, and closes it when asked to", function()
    local nginx = program "nginx"
    local port
    do
      local listener <close> = net.listen {}
      port = listener.port
    end
    local _, closer = start(function(dir)
      local config = assert(io.open(dir .. "/conf", "w"))
      config:write(([[
        worker_processes 1; pid %s/pid; error_log %s/log;
        events { worker_connections 64; }
        http {
          access_log off; client_body_temp_path %s/body; proxy_temp_path %s/p; fastcgi_temp_path %s/f;
          uwsgi_temp_path %s/u; scgi_temp_path %s/s;
          server { listen 127.0.0.1:%d; location / { return 200 "hello from nginx"; } }
        }]]):format(dir, dir, dir, dir, dir, dir, dir, port))
      config:close()
      return ("%s -c %s/conf -e %s/log"):format(nginx, dir, dir)
    end, "pid")
    local _ <close> = closer
    local s <close> = connect_when_up(function() return net.connect("localhost", port) end)
    for _ = 1, 3 do
      s:write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
      local head = s:read_until("\r\n\r\n")
      assert.are.equal("HTTP/1.1 200 OK", head:match("^[^\r]+"))
      assert.are.equal("hello from nginx", s:read_exact(tonumber(head:match("Content%-Length: (%d+)"))))
    end
    s:write("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert.is_truthy(s:read("a"):find("hello from nginx", 1, true))
  end)
end)
