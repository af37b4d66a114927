--- net_udp_address_spec.lua: where datagrams go: families, interfaces, groups.

local lull = require "lull"
local net = require "lull.net"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_net.lua")
local raises, misuse = support.raises, support.misuse

--- A socket of 127.0.0.1.
local function open(opts)
  opts = opts or {}
  opts.host = opts.host or "127.0.0.1"
  return net.udp(opts)
end

--- These sockets, and a value that closes them.
local function all(...)
  local sockets = { ... }
  sockets[#sockets + 1] = setmetatable({}, { __close = function()
    for i = 1, #sockets - 1 do sockets[i]:close() end
  end })
  return table.unpack(sockets)
end

--- Run fn unless this machine lacks IPv6 on loopback.
local function with_ipv6(fn)
  local ok, socket = pcall(net.udp, { host = "::1" })
  if not ok then return pending("needs IPv6") end
  socket:close()
  fn()
end

describe("addresses", function()
  it("are IPv6's, too", function()
    with_ipv6(function()
      local a, b, _ <close> = all(open { host = "::1" }, open { host = "::1" })
      a:send("x", "::1", b.port)
      assert.are.same({ "x", "::1", a.port }, { b:recv() })
      assert.are.equal("udp ([::1]:" .. a.port .. ")", tostring(a))
      a:send("y", "localhost", b.port)
      assert.are.equal("y", (b:recv()))
    end)
  end)

  it("of both families are those of one socket, each in its usual form", function()
    with_ipv6(function()
      local every, four, six, _ <close> = all(net.udp(), open(), open { host = "::1" })
      every:send("4", "127.0.0.1", four.port):send("6", "::1", six.port)
      assert.are.same({ "4", "127.0.0.1", every.port }, { four:recv() })
      assert.are.same({ "6", "::1", every.port }, { six:recv() })
      four:send("four", "127.0.0.1", every.port)
      assert.are.same({ "four", "127.0.0.1", four.port }, { every:recv() })
      six:send("six", "::1", every.port)
      assert.are.same({ "six", "::1", six.port }, { every:recv() })
    end)
  end)

  it("of one family are refused by a socket of the other", function()
    with_ipv6(function()
      local four, six, _ <close> = all(open(), open { host = "::1" })
      raises("io", four.send, four, "x", "::1", six.port)
      raises("io", six.send, six, "x", "127.0.0.1", four.port)
    end)
  end)

  it("that are link-local name their interface", function()
    local address
    for line in io.lines("/proc/net/if_inet6") do
      local hex, name = line:match("^(fe80%x+) .* (%S+)$")
      if hex then address = hex:gsub("%x%x%x%x", "%0:"):sub(1, -2) .. "%" .. name end
    end
    if not address then return pending("needs an IPv6 link-local address") end
    local a, b, _ <close> = all(open { host = address }, open { host = address })
    local host = a:sockname()
    assert.are.equal(address:match("%%.*"), host:match("%%.*"))
    a:send("x", b:sockname())
    assert.are.same({ "x", host, a.port }, { b:recv() })
    b:send("y", host, a.port)
    assert.are.equal("y", (a:recv()))
  end)

  it("without a port are every one's, with one loopback's", function()
    local any, served, _ <close> = all(net.udp(), net.udp { port = 0 })
    assert.is_truthy(({ ["::"] = 1, ["0.0.0.0"] = 1 })[any:sockname()])
    assert.are.equal("127.0.0.1", (served:sockname()))
    local every <close> = net.udp { host = "*", port = 0 }
    assert.are.equal(any:sockname(), (every:sockname()))
  end)

  it("that are taken raise io, unless they are shared", function()
    local a <close> = open()
    local e = raises("io", open, { port = a.port })
    assert.are.equal("EADDRINUSE", e.code)
    assert.are.equal("udp.open", e.op)
    assert.is_truthy(e.message:find("127.0.0.1:" .. a.port, 1, true))
    local b <close> = open { reuse_port = true }
    local c <close> = open { reuse_port = true, port = b.port }
    assert.are.equal(b.port, c.port)
    local d <close> = open { reuse_address = true }
    local f <close> = open { reuse_address = true, port = d.port }
    assert.are.equal(d.port, f.port)
  end)

  it("of others raise io", function()
    assert.are.equal("EADDRNOTAVAIL", raises("io", open, { host = "198.51.100.1" }).code)
  end)
end)

describe("multicast", function()
  --- An interface that carries multicast, for sockets of this host; with a ttl of 0 nothing
  --- leaves the machine.  Nil when there is none.
  local function carrier(host, group)
    for line in io.lines("/proc/net/dev") do
      local name = line:match("^%s*(%S+):")
      local a, b, _ <close> = all(net.udp { host = host, multicast_ttl = 0 }, net.udp { host = host })
      if name and name ~= "lo" and pcall(a.set_options, a, { multicast_interface = name })
        and pcall(b.join, b, group, name) and pcall(a.send, a, "x", group, b.port)
        and lull.move_on_after(0.1, b.recv, b) then
        return name
      end
    end
  end

  for _, family in ipairs { { "IPv4", "0.0.0.0", "239.255.77.1" }, { "IPv6", "::", "ff01::4d:1" } } do
    local title, any, group = table.unpack(family)

    local function with_carrier(fn)
      local ok, interface = pcall(carrier, any, group)
      if not ok or not interface then return pending("needs an interface with " .. title .. " multicast") end
      fn(interface)
    end

    local function sender(interface)
      return net.udp { host = any, multicast_interface = interface, multicast_ttl = 0 }
    end

    it("of " .. title .. " reaches those who have joined, until they leave", function()
      with_carrier(function(interface)
        local a, b, _ <close> = all(sender(interface), net.udp { host = any })
        assert.are.equal(b, b:join(group, interface))
        a:send("x", group, b.port)
        assert.are.equal("x", (b:recv()))
        assert.are.equal(b, b:leave(group, interface))
        assert.are.equal("EADDRNOTAVAIL", raises("io", b.leave, b, group, interface).code)
      end)
    end)

    it("of " .. title .. " reaches a socket of both families", function()
      with_carrier(function(interface)
        local a, b, _ <close> = all(sender(interface), net.udp())
        b:join(group, interface)
        a:send("x", group, b.port)
        assert.are.equal("x", (b:recv()))
      end)
    end)

    it("of " .. title .. " does not come back when it is told not to", function()
      with_carrier(function(interface)
        local a <close> = sender(interface)
        local host = any == "::" and "::1" or "127.0.0.1"
        a:join(group, interface):set_options { multicast_loopback = false }
        a:send("x", group, a.port):send("y", host, a.port)
        assert.are.equal("y", (a:recv()))
        a:set_options { multicast_loopback = true }
        a:send("z", group, a.port)
        assert.are.equal("z", (a:recv()))
      end)
    end)
  end

  it("needs a group, and an interface that there is", function()
    local a <close> = open()
    for _, group in ipairs { "127.0.0.1", "::1", "name", 1, {} } do misuse(a.join, a, group) end
    misuse(a.join, a, "239.255.77.1", "nosuch0")
    raises("io", a.leave, a, "239.255.77.1", 999999)
    misuse(net.udp, { multicast_interface = "nosuch0" })
  end)
end)
