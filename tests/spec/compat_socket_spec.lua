--- compat_socket_spec.lua: the look-alike of LuaSocket: sockets, select, dns, try and protect.

local lull = require "lull"
local socket = require "lull.compat.socket"
local testing = require "lull.testing"

local here <const> = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local support <const> = dofile(here .. "support_net.lua")

local server

before_each(function() server = assert(socket.bind("127.0.0.1", 0)) end)
after_each(function() server:close() end)

--- A client and what was accepted for it.
local function pair()
  local host <const>, port <const> = server:getsockname()
  local client <const> = assert(socket.connect(host, port))
  local accepted <const> = assert(server:accept())
  finally(function()
    client:close()
    accepted:close()
  end)
  return client, accepted
end

--- What a call returned, as a list; its end is where the last value is.
local function list(...) return { n = select("#", ...), ... } end

describe("lull.compat.socket", function()
  it("is what require finds as socket", function()
    assert.are.equal(socket, require "socket")
    assert.are.equal(socket, require "socket.core")
    assert.is_table(require "ssl")
  end)

  it("refuses to come after the module it replaces", function()
    local output <const>, code <const> = support.program [[
      package.loaded.socket = {}
      print(select(2, pcall(require, "lull.compat.socket")))
    ]]
    assert.truthy(output:find("module 'socket' is loaded already", 1, true), output)
    assert.are.equal(0, code)
  end)

  it("has the functions of LuaSocket", function()
    for _, name in ipairs {
      "bind", "choose", "connect", "connect4", "connect6", "gettime", "newtry", "protect", "select",
      "sink", "skip", "sleep", "source", "tcp", "tcp4", "tcp6", "try", "udp", "udp4", "udp6",
    } do
      assert.is_function(socket[name], name)
    end
    assert.truthy(socket._VERSION:find "^LuaSocket 3")
    assert.are.same({ 2048, 8192 }, { socket.BLOCKSIZE, socket._DATAGRAMSIZE })
  end)

  it("sleeps without blocking, and tells the time", function()
    testing.virtual_time(function()
      local before <const> = socket.gettime()
      local other <const> = lull.async(function() return lull.now() end)()
      socket.sleep(3600)
      assert.are.equal("done", other:status())
      assert.are.equal(3600, math.floor(socket.gettime() - before + 0.5))
    end)
    assert.truthy(math.abs(socket.gettime() - os.time()) <= 2)
  end)
end)

describe("tcp sockets", function()
  it("say what they are", function()
    local client <const>, accepted <const> = pair()
    assert.truthy(tostring(socket.tcp()):find "^tcp{master}")
    assert.truthy(tostring(client):find "^tcp{client}")
    assert.truthy(tostring(accepted):find "^tcp{client}")
    assert.truthy(tostring(server):find "^tcp{server}")
  end)

  it("know both addresses", function()
    local client <const>, accepted <const> = pair()
    assert.are.same(list(client:getsockname()), list(accepted:getpeername()))
    assert.are.same(list(client:getpeername()), list(server:getsockname()))
    assert.are.equal("inet", select(3, client:getpeername()))
    assert.is_true(client:getfd() >= 0)
  end)

  it("are connected by name, too", function()
    local _, port <const> = server:getsockname()
    local client <const> = assert(socket.tcp4())
    assert.are.equal(1, client:connect("localhost", port))
    assert.are.same(list(nil, "already connected"), list(client:connect("localhost", port)))
    client:close()
  end)

  it("send parts, and tell the last byte that went", function()
    local client <const>, accepted <const> = pair()
    assert.are.equal(7, client:send("hello, world", 1, 7))
    assert.are.equal(9, client:send("hello, world", 8, 9))
    assert.are.equal(12, client:send("hello, world", -3))
    assert.are.equal(12, client:send("hello, world", 13))
    assert.are.equal(0, client:send "")
    client:close()
    assert.are.equal("hello, world", accepted:receive "*a")
  end)

  it("send much while the other end reads, and wait meanwhile", function()
    local client <const>, accepted <const> = pair()
    local text <const> = ("x"):rep(5000000)
    local sender <const> = lull.async(client.send)(client, text)
    testing.settle()
    assert.are.equal("pending", sender:status())
    assert.are.equal(text, accepted:receive(#text))
    assert.are.equal(#text, sender:await())
  end)

  it("tell what went when the time is over, and go on from there", function()
    local client <const>, accepted <const> = pair()
    local text <const> = ("0123456789"):rep(1000000)
    client:settimeout(0)
    local last <const>, message <const>, sent = client:send(text)
    assert.is_nil(last)
    assert.are.equal("timeout", message)
    assert.is_true(sent > 0 and sent < #text)
    local reader <const> = lull.async(accepted.receive)(accepted, #text)
    client:settimeout(nil)
    assert.are.equal(#text, client:send(text, sent + 1))
    assert.is_true(text == reader:await())
  end)

  it("receive lines without their ends", function()
    local client <const>, accepted <const> = pair()
    client:send "one\r\ntwo\n\nlast"
    client:close()
    assert.are.equal("one", accepted:receive())
    assert.are.equal("two", accepted:receive "*l")
    assert.are.equal("", accepted:receive "*l")
    assert.are.same(list(nil, "closed", "last"), list(accepted:receive "*l"))
    assert.are.same(list(nil, "closed", ""), list(accepted:receive "*l"))
  end)

  it("receive counts and everything, a prefix included", function()
    local client <const>, accepted <const> = pair()
    client:send "abcdefghij"
    assert.are.equal("abc", accepted:receive(3))
    assert.are.equal("XYde", accepted:receive(4, "XY"))
    assert.are.equal("XYZ", accepted:receive(2, "XYZ"))
    assert.are.equal("", accepted:receive(0))
    client:close()
    assert.are.equal("-fghij", accepted:receive("*a", "-"))
    assert.are.same(list(nil, "closed", ""), list(accepted:receive "*a"))
    assert.are.same(list(nil, "closed", "-"), list(accepted:receive("5", "-")))
  end)

  it("give what there was when the time is over", function()
    local client <const>, accepted <const> = pair()
    client:send "par"
    accepted:settimeout(0.01)
    assert.are.same(list(nil, "timeout", "par"), list(accepted:receive "*l"))
    client:send "tial\n"
    assert.are.equal("partial", accepted:receive("*l", "par"))
    accepted:settimeout(0)
    assert.are.same(list(nil, "timeout", "-"), list(accepted:receive(5, "-")))
    assert.are.same({ 0, -1 }, { accepted:gettimeout() })
    accepted:settimeout(-1)
    accepted:settimeout(5, "t")
    assert.are.same({ -1, 5 }, { accepted:gettimeout() })
  end)

  it("receive while others run", function()
    local client <const>, accepted <const> = pair()
    local reader <const> = lull.async(accepted.receive)(accepted)
    testing.settle()
    assert.are.equal("pending", reader:status())
    client:send "now\n"
    assert.are.equal("now", reader:await())
  end)

  it("limit lines", function()
    local client <const>, accepted <const> = pair()
    local sender <const> = lull.async(client.send)(client, ("x"):rep(3000000))
    local text <const>, message <const>, partial <const> = accepted:receive "*l"
    assert.are.same({ nil, "too long" }, { text, message })
    assert.is_true(#partial > 1 << 20)
    accepted:close()
    sender:join()
  end)

  it("say that they are closed", function()
    local client <const>, accepted <const> = pair()
    assert.are.equal(1, client:close())
    assert.are.equal(1, client:close())
    assert.are.same(list(nil, "closed", ""), list(client:receive()))
    assert.are.same(list(nil, "closed", 0), list(client:send "x"))
    assert.are.equal(-1, client:getfd())
    assert.is_nil((client:getpeername()))
    accepted:receive()
    local ok, message
    repeat ok, message = accepted:send "x" until not ok
    assert.are.equal("closed", message)
  end)

  it("close a receiver that waits", function()
    local _, accepted <const> = pair()
    local reader <const> = lull.async(function() return list(accepted:receive()) end)()
    testing.settle()
    accepted:close()
    assert.are.same(list(nil, "closed", ""), reader:await())
  end)

  it("end one direction", function()
    local client <const>, accepted <const> = pair()
    client:send "question"
    assert.are.equal(1, client:shutdown "send")
    assert.are.equal("question", accepted:receive "*a")
    accepted:send "answer\n"
    assert.are.equal("answer", client:receive())
  end)

  it("count bytes", function()
    local client <const>, accepted <const> = pair()
    client:send "12345\n"
    accepted:receive()
    assert.are.equal(6, select(2, client:getstats()))
    assert.are.equal(6, (accepted:getstats()))
    assert.are.equal(1, client:setstats(1, 2, 3))
    local received <const>, sent <const>, age <const> = client:getstats()
    assert.are.same({ 1, 2, 3 }, { received, sent, math.floor(age) })
  end)

  it("tell why connecting and binding failed", function()
    local host <const>, port <const> = server:getsockname()
    server:close()
    assert.are.same(list(nil, "connection refused"), list(socket.connect(host, port)))
    server = assert(socket.bind(host, 0))
    local _, taken <const> = server:getsockname()
    assert.are.same(list(nil, "address already in use"), list(socket.bind(host, taken)))
    assert.is_nil((socket.connect("no-such-host.invalid", 1)))
  end)

  it("go on connecting when the time is over", function()
    local host <const>, port <const> = server:getsockname()
    local client <const> = socket.tcp()
    client:settimeout(0)
    assert.are.same(list(nil, "timeout"), list(client:connect(host, port)))
    local _, writable <const> = socket.select(nil, { client }, 5)
    assert.are.equal(client, writable[1])
    assert.are.equal(1, client:connect(host, port))
    assert.are.equal(1, client:send "x")
    client:close()
  end)

  it("close while they connect", function()
    local client <const> = socket.tcp()
    client:settimeout(0)
    client:connect(server:getsockname())
    client:close()
    assert.is_nil((client:getsockname()))
  end)

  it("accept within a time", function()
    server:settimeout(0)
    assert.are.same(list(nil, "timeout"), list(server:accept()))
    local host <const>, port <const> = server:getsockname()
    local client <const> = socket.connect(host, port)
    local accepted <const> = server:accept()
    assert.truthy(accepted)
    accepted:close()
    client:close()
  end)

  it("set what can be set, and refuse the rest", function()
    local client <const> = pair()
    assert.are.equal(1, client:setoption("tcp-nodelay", true))
    assert.is_true(client:getoption "tcp-nodelay")
    assert.are.same(list(nil, "setsockopt failed"), list(client:setoption("keepalive", true)))
    assert.is_false((pcall(client.setoption, client, "no-such-option", true)))
    local one <const> = socket.tcp()
    one:setoption("reuseport", true)
    assert.are.equal(1, one:bind("127.0.0.1", 0))
    one:close()
  end)

  it("raise misuse", function()
    local client <const> = pair()
    for _, call in ipairs {
      function() client:receive "*x" end, function() client:receive(-1) end,
      function() client:settimeout(1, "x") end, function() client:shutdown "x" end,
      function() server:receive() end, function() server:send "x" end,
      function() client:accept() end,
      function() socket.tcp():send "x" end, function() client:send(nil) end,
      function() socket.tcp():connect("127.0.0.1", "no port") end,
    } do
      assert.is_false((pcall(call)))
    end
  end)

  it("raise a cancellation", function()
    local _, accepted <const> = pair()
    local reader <const> = lull.async(accepted.receive)(accepted)
    testing.settle()
    reader:cancel()
    assert.are.equal("cancelled", reader:join())
  end)

  it("can be closed by their blocks", function()
    local client <const>, accepted <const> = pair()
    do local _ <close> = client end
    assert.are.same(list(nil, "closed", ""), list(accepted:receive()))
  end)
end)

describe("socket.dns", function()
  it("finds addresses", function()
    local address <const>, resolved <const> = socket.dns.toip "localhost"
    assert.are.equal("127.0.0.1", address)
    assert.are.equal(address, resolved.ip[1])
    assert.are.same(list(nil, "host not found"), list(socket.dns.toip "no-such-host.invalid"))
    assert.are.equal("inet6", socket.dns.getaddrinfo("::1")[1].family)
    assert.is_nil((socket.dns.getaddrinfo "no-such-host.invalid"))
  end)

  it("finds names", function()
    assert.is_string(socket.dns.gethostname())
    assert.are.equal("localhost", (socket.dns.tohostname "127.0.0.1"))
    assert.are.equal("localhost", socket.dns.getnameinfo("127.0.0.1")[1])
  end)
end)

describe("try and protect", function()
  it("turn a failure into results, once the finalizer has run", function()
    local finalized = false
    local try <const> = socket.newtry(function() finalized = true end)
    local protected <const> = socket.protect(function(...) return "got", try(...) end)
    assert.are.same({ "got", 1, 2 }, { protected(1, 2) })
    assert.is_false(finalized)
    assert.are.same({ nil, "why" }, { protected(nil, "why") })
    assert.is_true(finalized)
  end)

  it("leave other errors as they are", function()
    local err <const> = {}
    local ok <const>, raised <const> = pcall(socket.protect(function() error(err) end))
    assert.is_false(ok)
    assert.are.equal(err, raised)
  end)

  it("nest, and can wait inside", function()
    local inner <const> = socket.protect(function()
      lull.yield()
      socket.try(nil, "inner")
    end)
    local outer <const> = socket.protect(function()
      local ok <const>, message <const> = inner()
      socket.try(ok, message .. " passed on")
    end)
    assert.are.same({ nil, "inner passed on" }, { outer() })
  end)

  it("let a cancellation through", function()
    local after = false
    local task <const> = lull.async(function()
      socket.protect(lull.sleep_forever)()
      after = true
    end)()
    lull.yield()
    task:cancel()
    assert.are.equal("cancelled", task:join())
    assert.is_false(after)
  end)

  it("skip arguments", function()
    assert.are.same({ 3, nil, 5 }, { socket.skip(2, 1, 2, 3, nil, 5) })
    assert.are.equal(0, select("#", socket.skip(2, 1)))
  end)
end)
