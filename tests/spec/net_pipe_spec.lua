--- net_pipe_spec.lua: pipes, pairs, foreign descriptors, and SIGPIPE.

local net = require "lull.net"
local testing = require "lull.testing"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_net.lua")
local go, ends, raises, misuse = support.go, support.ends, support.raises, support.misuse

--- Both ends of a pipe and a value that closes them.
local function pipe(opts)
  local reader, writer = net.pipe(opts)
  return reader, writer, setmetatable({}, { __close = function()
    reader:close()
    writer:close()
  end })
end

describe("a pipe", function()
  it("carries bytes one way", function()
    local reader, writer, _ <close> = pipe()
    writer:write("one\n", "two"):close()
    assert.are.equal("one", reader:read())
    assert.are.equal("two", reader:read("a"))
  end)

  it("makes its writer wait, and wakes it", function()
    local reader, writer, _ <close> = pipe()
    local writing = support.stuffed(writer)
    assert.are.equal(#support.FLOOD, #reader:read_exact(#support.FLOOD))
    ends("done", writing)
  end)

  it("raises io EPIPE when nobody reads, and no signal kills the program", function()
    local output, code = support.program [[
      local net = require "lull.net"
      for _, make in ipairs { net.pipe, net.pair } do
        local reader, writer = make()
        reader:close()
        local ok, e = pcall(writer.write, writer, "x")
        print(e.kind, e.code)
      end]]
    assert.are.equal("io\tEPIPE\nio\tEPIPE\n", output)
    assert.are.equal(0, code)
  end)

  it("does so under stock lua5.4, too, where SIGPIPE is not ignored", function()
    local build = os.getenv "LULL_BUILD" or "build"
    local module = io.open(build .. "/lull.so")
    if not module or os.getenv "LULL_VARIANT" == "asan" then return end
    module:close()
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write [[
      local lull = require "lull"
      local net = require "lull.net"
      lull.run(function()
        local reader, writer = net.pipe()
        reader:close()
        local ok, e = pcall(writer.write, writer, "x")
        print(e.kind, e.code)
        local s, t = net.pair()
        t:close()
        print(select(2, pcall(s.write, s, "x")).code)
      end)]]
    file:close()
    local command = ("LUA_CPATH='%s/?.so' timeout 50 lua5.4 %s 2>&1"):format(build, path)
    local child = assert(io.popen(command))
    local output = child:read("a")
    local ok = child:close()
    os.remove(path)
    assert.are.equal("io\tEPIPE\nEPIPE\n", output)
    assert.is_true(ok)
  end)

  it("raises io for the wrong end", function()
    local reader, writer, _ <close> = pipe()
    assert.are.equal("EBADF", raises("io", reader.write, reader, "x").code)
    assert.are.equal("EBADF", raises("io", writer.read, writer).code)
  end)

  it("is ended by shutdown, which closes that end", function()
    local reader, writer, _ <close> = pipe()
    writer:write("x"):shutdown()
    assert.are.equal("x", reader:read("a"))
    assert.are.equal("stream (closed)", tostring(writer))
  end)

  it("takes options", function()
    local reader, writer, _ <close> = pipe { max_line = 3 }
    writer:write("toolong\n")
    raises("limit", reader.read, reader)
    misuse(net.pipe, 1)
    misuse(net.pair, "x")
    misuse(net.pipe, { maxline = 3 })
    misuse(net.pair, { timeout = "x" })
  end)
end)

describe("from_fd", function()
  it("reads a regular file", function()
    local temp <close> = support.temp_file(("line\n"):rep(100000))
    local output = support.program(([[
      local net = require "lull.net"
      local s = net.from_fd(0)
      local lines = 0
      for line in s:lines() do lines = lines + 1 end
      print(lines)]]), ("exec <%s;"):format(temp.path))
    assert.are.equal("100000\n", output)
  end)

  it("writes a regular file", function()
    local temp <close> = support.temp_file("")
    local output, code = support.program([[
      local net = require "lull.net"
      net.from_fd(1):write(("x"):rep(1000000)):flush()]], ("exec >%s;"):format(temp.path))
    assert.are.equal("", output)
    assert.are.equal(0, code)
    assert.are.equal(1000000, #assert(io.open(temp.path)):read("a"))
  end)

  it("leaves the mode of a shared descriptor alone, and waits all the same", function()
    local ticked, file = support.socket_path()
    local _ <close> = file
    local output, code = support.program(([[
      local lull = require "lull"
      local net = require "lull.net"
      local s = net.from_fd(0)
      print(s:read())
      lull.after(0.01, function() io.open(%q, "w"):close() end)
      print(s:read("a"))
      local flags = io.open("/proc/self/fdinfo/0"):read("a"):match("flags:%%s*(%%d+)")
      print(tonumber(flags, 8) >> 11 & 1)]]):format(ticked),
      ("{ echo one; until [ -e %s ]; do sleep 0.01; done; printf two; } |"):format(ticked))
    assert.are.equal("one\ntwo\n0\n", output)
    assert.are.equal(0, code)
  end)

  it("writes to a pipe that others share", function()
    local output, code = support.program [[
      local net = require "lull.net"
      local out = net.from_fd(1)
      out:write(("x"):rep(1000000), "\n"):flush()]]
    assert.are.equal(("x"):rep(1000000) .. "\n", output)
    assert.are.equal(0, code)
  end)

  it("does not close 0, 1 and 2 unless told so, and closes others unless told not", function()
    local output = support.program [[
      local net = require "lull.net"
      net.from_fd(1):close()
      print("still there")
      local s, t = net.pair()
      local fd = s:fd()
      net.from_fd(fd, { close = false }):close()
      t:write("x\n")
      print(s:read())
      net.from_fd(1, { close = true }):close()
      print("gone")
      io.stdout:flush()]]
    assert.are.equal("still there\nx\n", output:match("^still there\nx\n"))
    assert.is_nil(output:find("gone", 1, true))
  end)

  it("reads what is always ready, giving others their turns", function()
    local output = support.program([[
      local lull = require "lull"
      local net = require "lull.net"
      local s = net.from_fd(0)
      local ticks = 0
      local ticker = lull.spawn(function()
        while true do
          lull.yield()
          ticks = ticks + 1
        end
      end)
      local total = 0
      while total < 100000000 do total = total + #s:read_some() end
      ticker:cancel()
      print(ticks > 5)]], "exec </dev/zero;")
    assert.are.equal("true\n", output)
    assert.are.equal("\n", (support.program([[
      local s = require("lull.net").from_fd(0)
      print(s:read("a"), s:read())]], "exec </dev/null;")):gsub("\tnil", ""))
  end)

  it("refuses what is no descriptor", function()
    for _, fd in ipairs { -1, 1.5, "x", {} } do misuse(net.from_fd, fd) end
    misuse(net.from_fd, 0, 1)
    misuse(net.from_fd, 0, { closed = true })
    assert.are.equal("EBADF", raises("io", net.from_fd, 999).code)
  end)
end)

describe("wait_readable and wait_writable", function()
  it("return when it is so", function()
    local s, t, _ <close> = support.pair()
    net.wait_writable(s:fd())
    local waiting = go(net.wait_readable, s:fd())
    testing.settle()
    assert.are.equal("pending", waiting:status())
    t:write("x")
    ends("done", waiting)
    net.wait_readable(s:fd())
    assert.are.equal("x", s:read_some())
  end)

  it("return at the end of the other side", function()
    local s, t, _ <close> = support.pair()
    local waiting = go(net.wait_readable, s:fd())
    testing.settle()
    t:close()
    ends("done", waiting)
    net.wait_writable(s:fd())
  end)

  it("go beside a read of the same stream", function()
    local s, t, _ <close> = support.pair()
    local waiting, reading = go(net.wait_readable, s:fd()), go(s.read, s)
    testing.settle()
    t:write("line\n")
    ends("done", waiting)
    assert.are.equal("line", reading:await())
  end)

  it("serve several at once", function()
    local s, t, _ <close> = support.pair()
    local waiting = {}
    for i = 1, 3 do waiting[i] = go(net.wait_readable, s:fd()) end
    testing.settle()
    t:write("x")
    for i = 1, 3 do ends("done", waiting[i]) end
  end)

  it("are left by a cancellation that does not concern others", function()
    local s, t, _ <close> = support.pair()
    local first, second = go(net.wait_readable, s:fd()), go(net.wait_readable, s:fd())
    testing.settle()
    first:cancel()
    ends("cancelled", first)
    t:write("x")
    ends("done", second)
  end)

  it("raise closed when lull closes the descriptor, whose number is free for another", function()
    local s, t, _ <close> = support.pair()
    local fd = s:fd()
    local reading, writing = go(net.wait_readable, fd), go(net.wait_writable, fd)
    ends("done", writing)
    writing = support.stuffed(s)
    local blocked = go(net.wait_writable, fd)
    testing.settle()
    assert.are.equal("pending", blocked:status())
    s:abort()
    for _, task in ipairs { reading, blocked } do
      ends("failed", task)
      assert.are.equal("closed", task:error().kind)
    end
    ends("failed", writing)
    local u, v, _ <close> = support.pair()
    assert.is_true(u:fd() == fd or v:fd() == fd, "the number did not come back: the test shows nothing")
    local again = go(u.read, u)
    testing.settle()
    v:write("line\n")
    assert.are.equal("line", again:await())
    t:close()
  end)

  it("go on when a stream that does not own the descriptor is closed", function()
    local s, t, _ <close> = support.pair()
    local borrowed = net.from_fd(s:fd(), { close = false })
    local waiting = go(net.wait_readable, s:fd())
    testing.settle()
    borrowed:close()
    t:write("x")
    ends("done", waiting)
  end)

  it("take regular files, which are always ready", function()
    local output = support.program([[
      local net = require "lull.net"
      net.wait_readable(0)
      print("ready")]], "exec <" .. debug.getinfo(1, "S").source:sub(2) .. ";")
    assert.are.equal("ready\n", output)
  end)

  it("raise io for what is not open, and refuse what is no descriptor", function()
    assert.are.equal("EBADF", raises("io", net.wait_readable, 999).code)
    assert.are.equal("net.wait_writable", raises("io", net.wait_writable, 999).op)
    for _, fd in ipairs { -1, 1.5, "x" } do misuse(net.wait_readable, fd) end
    misuse(net.wait_writable)
  end)

  it("keep the program alive while they wait", function()
    local output, code = support.program([[
      require("lull.net").wait_readable(0)
      print("came")]], "{ sleep 0.1; echo x; } |")
    assert.are.equal("came\n", output)
    assert.are.equal(0, code)
  end)
end)

describe("deadlock", function()
  it("is not seen while a stream could still bring something", function()
    local output, code = support.program([[
      local s = require("lull.net").from_fd(0)
      print(s:read())]], "{ sleep 0.2; echo late; } |")
    assert.are.equal("late\n", output)
    assert.are.equal(0, code)
  end)
end)
