--- compat_select_spec.lua: the look-alike of LuaSocket: datagrams and select.

local lull = require "lull"
local socket = require "lull.compat.socket"
local testing = require "lull.testing"

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

describe("udp sockets", function()
  local one, other, port
  before_each(function()
    one, other = socket.udp(), socket.udp4()
    assert(other:setsockname("127.0.0.1", 0))
    port = select(2, other:getsockname())
  end)
  after_each(function()
    one:close()
    other:close()
  end)

  it("send to and receive from places", function()
    assert.are.equal(1, one:sendto("hello", "127.0.0.1", port))
    local bytes <const>, host <const>, from <const> = other:receivefrom()
    assert.are.same({ "hello", "127.0.0.1" }, { bytes, host })
    assert.are.equal(1, other:sendto("back", host, from))
    assert.are.equal("back", one:receive())
  end)

  it("are connected and free again", function()
    assert.truthy(tostring(one):find "^udp{unconnected}")
    assert.are.equal(1, one:setpeername("127.0.0.1", port))
    assert.truthy(tostring(one):find "^udp{connected}")
    assert.are.same({ "127.0.0.1", port, "inet" }, { one:getpeername() })
    assert.are.equal(1, one:send "ping")
    assert.are.equal("ping", other:receive())
    assert.is_false((pcall(one.sendto, one, "x", "127.0.0.1", port)))
    assert.are.equal(1, one:setpeername "*")
    assert.is_false((pcall(one.send, one, "x")))
    assert.are.equal(1, one:sendto("x", "127.0.0.1", port))
  end)

  it("cut what is longer than asked for", function()
    one:sendto("abcdef", "127.0.0.1", port)
    assert.are.equal("abc", other:receive(3))
  end)

  it("wait as long as they are told", function()
    other:settimeout(0)
    assert.are.same(list(nil, "timeout"), list(other:receive()))
    other:settimeout(0.01)
    assert.are.same({ nil, "timeout" }, { other:receivefrom() })
  end)

  it("say that they are closed", function()
    one:close()
    assert.are.same(list(nil, "closed"), list(one:receive()))
    assert.are.same(list(nil, "closed"), list(one:sendto("x", "127.0.0.1", port)))
  end)

  it("set options before and after they are open", function()
    assert.are.equal(1, one:setoption("broadcast", true))
    one:sendto("x", "127.0.0.1", port)
    assert.are.equal(1, one:setoption("broadcast", false))
    assert.is_false(one:getoption "broadcast")
    assert.is_false((pcall(one.setoption, one, "no-such-option", true)))
  end)
end)

describe("socket.select", function()
  it("finds what can be received, and keeps it", function()
    local client <const>, accepted <const> = pair()
    local readable, writable, message = socket.select({ accepted }, nil, 0)
    assert.are.same({ {}, {}, "timeout" }, { readable, writable, message })
    client:send "x\ny\n"
    readable, writable, message = socket.select({ client, accepted }, nil, 5)
    assert.are.equal(accepted, readable[1])
    assert.are.equal(1, readable[accepted])
    assert.are.same({ 0, nil }, { #writable, message })
    assert.is_true(accepted:dirty())
    assert.are.equal("x", accepted:receive())
    assert.are.equal(accepted, socket.select({ accepted }, nil, 0)[1])
    assert.are.equal("y", accepted:receive())
    assert.is_false(accepted:dirty())
  end)

  it("finds all that is ready", function()
    local client <const>, accepted <const> = pair()
    local second <const>, third <const> = pair()
    client:send "1"
    second:send "2"
    testing.settle()
    local readable <const>, writable <const> = socket.select({ accepted, third }, { client }, 5)
    assert.are.same({ 2, 1 }, { #readable, #writable })
    assert.are.equal(client, writable[1])
  end)

  it("finds a connection to accept", function()
    assert.are.equal("timeout", (select(3, socket.select({ server }, nil, 0))))
    local host <const>, port <const> = server:getsockname()
    local client <const> = socket.connect(host, port)
    assert.are.equal(server, socket.select({ server }, nil, 5)[1])
    local accepted <const> = server:accept()
    client:send "here\n"
    assert.are.equal("here", accepted:receive())
    client:close()
    accepted:close()
  end)

  it("finds the end and a datagram", function()
    local client <const>, accepted <const> = pair()
    client:close()
    assert.are.equal(accepted, socket.select({ accepted }, nil, 5)[1])
    assert.are.same(list(nil, "closed", ""), list(accepted:receive()))
    local one <const>, other <const> = socket.udp(), socket.udp()
    other:setsockname("127.0.0.1", 0)
    one:sendto("x", "127.0.0.1", select(2, other:getsockname()))
    assert.are.equal(other, socket.select({ other }, nil, 5)[1])
    assert.are.equal("x", other:receive())
    one:close()
    other:close()
  end)

  it("takes other things that have descriptors", function()
    local client <const>, accepted <const> = pair()
    local thing <const> = { getfd = function() return accepted:getfd() end }
    assert.are.equal("timeout", (select(3, socket.select({ thing }, nil, 0))))
    client:send "x"
    assert.are.equal(thing, socket.select({ thing }, nil, 5)[1])
  end)

  it("lets time pass with nothing to wait for", function()
    testing.virtual_time(function()
      local before <const> = lull.now()
      assert.are.equal("timeout", (select(3, socket.select(nil, nil, 10))))
      assert.are.equal(10, math.floor(lull.now() - before + 0.5))
    end)
  end)
end)
