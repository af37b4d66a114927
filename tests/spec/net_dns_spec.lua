--- net_dns_spec.lua: from names to addresses and back, shared and remembered.

local dns = require "lull.dns"
local lull = require "lull"
local native = require "lull.dns.native"
local testing = require "lull.testing"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_dns.lua")
local go, ends, raises, misuse = support.go, support.ends, support.raises, support.misuse

--- Run fn(asked) on the virtual clock with a resolver that knows what answers[name] says: a list, or
--- the code of an error, at once or when a future is set.  `asked` counts the questions.
local function with_answers(answers, fn)
  local asked, real = {}, native.resolve
  function native.resolve(name)
    asked[name] = (asked[name] or 0) + 1
    local state = "pending"
    local lookup = {}
    local function settle()
      local answer = answers[name]
      state = type(answer) == "table" and "found" or answer == "EAI_NONAME" and "missing" or "failed"
    end
    local future = answers.later
    if not future then settle() end
    function lookup:state() return state end -- luacheck: ignore 212
    function lookup:wait() -- luacheck: ignore 212
      if state == "pending" then
        future:await()
        settle()
      end
      if state ~= "found" then error(lull.new_error("dns", name, { code = answers[name] }), 0) end
      return { table.unpack(answers[name]) }
    end
    return lookup, false
  end
  local _ <close> = lull.finally(function()
    native.resolve = real
    dns.configure { ttl = 30, negative_ttl = 5, max_entries = 1024 }
    dns.flush()
  end)
  dns.flush()
  testing.virtual_time(fn, asked)
end

--- Run code with a name server of its own, unless that cannot be.
local function with_server(code, expected, patience)
  if not support.has_namespaces() then return pending("needs unshare and ip") end
  local output, status = support.program_with_server(code, patience)
  assert.are.equal(expected, output)
  assert.are.equal(0, status)
end

describe("resolve", function()
  it("gives localhost and what is below it without asking", function()
    for _, name in ipairs { "localhost", "LocalHost", "localhost.", "a.b.localhost" } do
      assert.are.same({ "127.0.0.1", "::1" }, dns.resolve(name))
    end
    assert.are.same({ "::1" }, dns.resolve("localhost", { family = 6 }))
    assert.are.same({ "127.0.0.1" }, dns.resolve("localhost", { family = 4 }))
  end)

  it("gives a numeric address in its usual form", function()
    assert.are.same({ "192.0.2.1" }, dns.resolve("192.0.2.1"))
    assert.are.same({ "2001:db8::1" }, dns.resolve("2001:DB8:0::1"))
    local e = raises("dns", dns.resolve, "::1", { family = 4 })
    assert.are.equal("EAI_NONAME", e.code)
  end)

  it("asks /etc/hosts", function()
    local hosts = assert(io.open("/etc/hosts")):read("a")
    for name in ("\n" .. hosts):gmatch("\n127%.0%.0%.1%s+([%w.-]+)") do
      assert.are.equal("127.0.0.1", dns.resolve(name)[1])
    end
  end)

  it("raises dns, with code and op, for a name that does not exist", function()
    local e = raises("dns", dns.resolve, "no-such-host.invalid")
    assert.are.equal("dns.resolve", e.op)
    assert.is_truthy(e.code:find("^EAI_"))
    assert.is_truthy(e.message:find("no-such-host.invalid", 1, true))
  end)

  it("does not block the loop, and several go on at once", function()
    local ticks, over = 0, false
    local ticker = go(function()
      while not over do
        lull.sleep(0.001)
        ticks = ticks + 1
      end
    end)
    local function try(name)
      return function() return (pcall(dns.resolve, name, { fresh = true })) end
    end
    local results = lull.gather { try "a.invalid", try "b.invalid", try "localhost", try "::1" }
    over = true
    ends("done", ticker)
    assert.are.same({ false, false, true, true, n = 4 }, results)
  end)

  it("refuses what is no name, and wrong options", function()
    for _, name in ipairs { "", "a\0b", "a\nb", "a b", ("x"):rep(300), {}, 1 } do
      misuse(dns.resolve, name)
    end
    misuse(dns.resolve)
    for _, opts in ipairs { 1, { family = 5 }, { timeout = -1 }, { fresh = 1 }, { nocache = true } } do
      misuse(dns.resolve, "localhost", opts)
    end
  end)

  it("raises usage outside a task", function()
    local output = support.program [[
      local lull = require "lull"
      lull.on_error(function()
        print(select(2, pcall(require("lull.dns").resolve, "host.invalid")).kind)
      end)
      require("lull.core").report("now")]]
    assert.are.equal("usage\n", output)
  end)
end)

describe("reverse", function()
  it("gives the name of an address", function()
    local ok, name = pcall(dns.reverse, "127.0.0.1")
    if not ok then return pending("needs a name for 127.0.0.1 in /etc/hosts") end
    assert.is_string(name)
    assert.are.equal(name, dns.reverse("127.0.0.1", { fresh = true }))
  end)

  it("raises dns for an address without one", function()
    local e = raises("dns", dns.reverse, "198.51.100.77")
    assert.are.equal("dns.reverse", e.op)
    assert.is_truthy(e.code:find("^EAI_"))
  end)

  it("takes numeric addresses only", function()
    for _, address in ipairs { "localhost", "", "1.2.3", "127.0.0.1\0", {}, 1 } do
      misuse(dns.reverse, address)
    end
    misuse(dns.reverse, "127.0.0.1", { family = 4 })
  end)
end)

describe("what is remembered", function()
  it("is good for 30 seconds", function()
    with_answers({ name = { "192.0.2.1" } }, function(asked)
      dns.resolve("name")
      lull.sleep(29.9)
      assert.are.same({ "192.0.2.1" }, dns.resolve("name"))
      assert.are.equal(1, asked.name)
      lull.sleep(0.2)
      dns.resolve("name")
      assert.are.equal(2, asked.name)
    end)
  end)

  it("is the caller's to change: each gets an array of its own", function()
    with_answers({ name = { "192.0.2.1" } }, function()
      dns.resolve("name")[1] = "spoilt"
      assert.are.same({ "192.0.2.1" }, dns.resolve("name"))
    end)
  end)

  it("is found in any case, and by family", function()
    with_answers({ name = { "192.0.2.1" }, NAME = { "192.0.2.2" } }, function(asked)
      dns.resolve("name")
      assert.are.same({ "192.0.2.1" }, dns.resolve("NAME"))
      assert.is_nil(asked.NAME)
      dns.resolve("name", { family = 4 })
      assert.are.equal(2, asked.name)
    end)
  end)

  it("that there is no such name, is good for 5 seconds", function()
    with_answers({ name = "EAI_NONAME" }, function(asked)
      raises("dns", dns.resolve, "name")
      lull.sleep(4.9)
      assert.are.equal("EAI_NONAME", raises("dns", dns.resolve, "name").code)
      assert.are.equal(1, asked.name)
      lull.sleep(0.2)
      raises("dns", dns.resolve, "name")
      assert.are.equal(2, asked.name)
    end)
  end)

  it("is no failure that may pass", function()
    with_answers({ name = "EAI_AGAIN" }, function(asked)
      raises("dns", dns.resolve, "name")
      raises("dns", dns.resolve, "name")
      assert.are.equal(2, asked.name)
    end)
  end)

  it("is passed over by who asks afresh, and replaced", function()
    local answers = { name = { "192.0.2.1" } }
    with_answers(answers, function(asked)
      dns.resolve("name")
      answers.name = { "192.0.2.2" }
      assert.are.same({ "192.0.2.2" }, dns.resolve("name", { fresh = true }))
      assert.are.same({ "192.0.2.2" }, dns.resolve("name"))
      assert.are.equal(2, asked.name)
    end)
  end)

  it("is forgotten by flush", function()
    with_answers({ name = { "192.0.2.1" } }, function(asked)
      dns.resolve("name")
      dns.flush()
      dns.resolve("name")
      assert.are.equal(2, asked.name)
    end)
  end)

  it("is bounded: what was asked for last stays", function()
    with_answers({ a = { "1.1.1.1" }, b = { "2.2.2.2" }, c = { "3.3.3.3" } }, function(asked)
      dns.configure { max_entries = 2 }
      for _, name in ipairs { "a", "b", "a", "c", "a", "b" } do dns.resolve(name) end
      assert.are.same({ a = 1, b = 2, c = 1 }, asked)
      dns.configure { max_entries = 1 }
      dns.resolve("b")
      dns.resolve("a")
      assert.are.same({ a = 2, b = 2, c = 1 }, asked)
    end)
  end)

  it("is for as long as is configured", function()
    with_answers({ a = { "1.1.1.1" }, b = "EAI_NONAME" }, function(asked)
      dns.configure { ttl = 100, negative_ttl = 0 }
      dns.resolve("a")
      lull.sleep(99)
      dns.resolve("a")
      raises("dns", dns.resolve, "b")
      raises("dns", dns.resolve, "b")
      assert.are.same({ a = 1, b = 2 }, asked)
      for _, opts in ipairs { { ttl = -1 }, { ttl = "x" }, { max_entries = 0 }, { ttls = 1 }, 1 } do
        misuse(dns.configure, opts)
      end
      misuse(dns.configure)
    end)
  end)

  it("does not outlive a test's clock", function()
    local answers = { name = { "192.0.2.1" } }
    local real = native.resolve
    with_answers(answers, function(asked)
      lull.sleep(3600)
      dns.resolve("name")
      assert.are.equal(1, asked.name)
    end)
    assert.are.equal(real, native.resolve)
  end)
end)

describe("a look-up", function()
  it("is shared by those who ask at the same time", function()
    local later = lull.future()
    with_answers({ name = { "192.0.2.1" }, later = later }, function(asked)
      local first, second = go(dns.resolve, "name"), go(dns.resolve, "name", { fresh = true })
      testing.settle()
      assert.are.equal(1, asked.name)
      later:set()
      assert.are.same({ "192.0.2.1" }, first:await())
      assert.are.same({ "192.0.2.1" }, second:await())
    end)
  end)

  it("that is cancelled goes on for the others", function()
    with_server([[
      server.answers["name.example"] = { "192.0.2.1" }
      server.delay = 0.1
      local first = lull.async(dns.resolve)("name.example")
      local second = lull.async(dns.resolve)("name.example")
      lull.sleep(0.02)
      first:cancel()
      print(first:join(), table.unpack(second:await()))
      print(server.queries["name.example"])]], "cancelled\t192.0.2.1\n2\n") -- A and AAAA
  end)

  it("that all have left goes on, and is there for who comes", function()
    with_server([[
      server.answers["name.example"] = { "192.0.2.1" }
      server.delay = 0.1
      print(lull.move_on_after(0.02, dns.resolve, "name.example"))
      print(table.unpack(dns.resolve("name.example")))
      print(lull.move_on_after(0.02, dns.resolve, "other.example"))
      server.answers["other.example"] = { "192.0.2.2" }
      lull.sleep(0.2)
      print(server.queries["name.example"])]], "false\n192.0.2.1\nfalse\n2\n")
  end)

  it("times out for who asked for that, only", function()
    with_server([[
      server.answers["name.example"] = { "192.0.2.1" }
      server.delay = 0.1
      local patient = lull.async(dns.resolve)("name.example")
      local ok, e = pcall(dns.resolve, "name.example", { timeout = 0.02 })
      print(ok, e.kind, e.op, e.message)
      print(table.unpack(patient:await()))]],
      "false\ttimeout\tdns.resolve\tname.example: no answer for 0.02 s\n192.0.2.1\n")
  end)

  it("does not keep the program from ending", function()
    with_server([[
      print(lull.move_on_after(0.02, dns.resolve, "never.example"))]], "false\n")
  end)
end)

describe("a name server", function()
  it("gives the addresses of both families, or of one", function()
    with_server([[
      server.answers["both.example"] = { "192.0.2.1", "192.0.2.2", "2001:db8::1" }
      local function show(name, opts)
        local addresses = dns.resolve(name, opts)
        table.sort(addresses)
        print(table.concat(addresses, " "))
      end
      show("both.example")
      show("both.example", { family = 4 })
      show("both.example", { family = 6 })
      show("BOTH.Example")]], "192.0.2.1 192.0.2.2 2001:db8::1\n192.0.2.1 192.0.2.2\n2001:db8::1\n" ..
      "192.0.2.1 192.0.2.2 2001:db8::1\n")
  end)

  it("says that there is no such name, which is remembered", function()
    with_server([[
      server.answers["none.example"] = false
      for _ = 1, 2 do
        local _, e = pcall(dns.resolve, "none.example")
        print(e.kind, e.code)
      end
      print(server.queries["none.example"])]], "dns\tEAI_NONAME\ndns\tEAI_NONAME\n2\n")
  end)

  it("that does not answer is a failure that may pass", function()
    with_server([[
      local _, e = pcall(dns.resolve, "never.example")
      print(e.kind, e.code)
      server.answers["never.example"] = { "192.0.2.1" }
      local ok, addresses
      repeat ok, addresses = pcall(dns.resolve, "never.example") until ok -- that may be late, too
      print(table.unpack(addresses))]], "dns\tEAI_AGAIN\n192.0.2.1\n", 1)
  end)

  it("gives the name of an address", function()
    with_server([[
      server.names["1.2.0.192.in-addr.arpa"] = "name.example"
      print(dns.reverse("192.0.2.1"))
      print(dns.reverse("::ffff:192.0.2.1"))]], "name.example\nname.example\n")
  end)

  it("is asked by connect and by udp's send", function()
    with_server([[
      server.answers["here.example"] = { "127.0.0.1" }
      local listener = net.listen {}
      print((net.connect("here.example", listener.port):peer()))
      local a = net.udp { host = "127.0.0.1" }
      net.udp { host = "here.example", port = 0 }:send("x", "here.example", a.port)
      print((a:recv()))
      local ok, e = pcall(net.connect, "never.example", 1, { timeout = 0.05 })
      print(ok, e.kind)]], "127.0.0.1\nx\nfalse\ttimeout\n")
  end)
end)
