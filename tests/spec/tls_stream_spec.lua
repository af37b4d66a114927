--- tls_stream_spec.lua: a stream with TLS is a stream like any other.

local lull = require "lull"
local net = require "lull.net"
local testing = require "lull.testing"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_tls.lua")
local go, raises, misuse = support.go, support.raises, support.misuse

local MEGABYTE <const> = 1024 * 1024

--- Bytes that do not repeat where records or buffers end.
local block = {}
for i = 1, 8191 do block[i] = ("%08x"):format(i * 2654435761 % 0x100000000) end
block = table.concat(block)

local function pattern(size)
  return block:rep(size // #block + 1):sub(1, size)
end

--- Read everything, in pieces.
local function read_all(stream)
  local pieces = {}
  for piece in function() return stream:read_some() end do pieces[#pieces + 1] = piece end
  return table.concat(pieces)
end

describe("a stream with TLS", function()
  it("reads as it was written, in every format", function()
    local one, other, _ <close> = support.tls_pair()
    one:write("line\n", "12345", "until;", 7, "\n", "rest")
    one:shutdown()
    assert.are.equal("line", other:read("l"))
    assert.are.equal("12345", other:read_exact(5))
    assert.are.equal("until;", other:read_until(";"))
    assert.are.equal("7\n", other:read("L"))
    assert.are.equal("rest", other:read("a"))
    assert.is_nil(other:read_some())
  end)

  it("carries 16 MiB both ways at once", function()
    local sent = pattern(16 * MEGABYTE)
    support.on_both_kinds(function(one, other)
      local first, second = support.shaken(one, other)
      assert.is_true(first[1] and second[1])
      local function write(stream)
        return function()
          stream:write(sent)
          stream:shutdown()
        end
      end
      local outcome = lull.gather {
        write(one), write(other),
        function() return read_all(one) end, function() return read_all(other) end,
      }
      assert.is_true(outcome[3] == sent)
      assert.is_true(outcome[4] == sent)
    end)
  end)

  it("gives what it holds to a reader who takes it in small pieces", function()
    local one, other, _ <close> = support.tcp_pair()
    support.shaken(one, other)
    go(one.write, one, pattern(4 * MEGABYTE))
    other:read_exact(4 * MEGABYTE) -- the system has larger buffers from now on
    local left = 600 * 1024        -- more than a reader may have without a wait
    one:set_options { high_water = MEGABYTE }
    one:write(pattern(left))
    other:set_timeout(20)
    while left > 0 do
      testing.settle() -- more is sent, so that the descriptor is never found empty
      left = left - #other:read_some(4096)
    end
  end)

  it("carries writes of every size around a record's", function()
    local one, other, _ <close> = support.tls_pair()
    for _, size in ipairs { 1, 2, 1023, 16383, 16384, 16385, 32767, 32768, 32769, 65536, 100000 } do
      local text = pattern(size)
      local writer = go(one.write, one, text)
      assert.is_true(text == other:read_exact(size), size .. " bytes")
      writer:await()
    end
  end)

  it("carries many parts of all sizes in their order", function()
    local one, other, _ <close> = support.tls_pair()
    local parts = {}
    for i = 1, 60 do parts[i] = pattern(i * i * 11 % 40000) end
    local whole = table.concat(parts)
    local writer = go(one.write, one, table.unpack(parts))
    assert.is_true(whole == other:read_exact(#whole))
    writer:await()
  end)

  it("makes a writer wait while the peer takes nothing", function()
    local one, other, _ <close> = support.tls_pair()
    local writer = support.stuffed(one)
    local reader = support.drained(other)
    writer:await()
    one:shutdown()
    assert.are.equal(#support.FLOOD, reader:await())
  end)

  it("ends one way and goes on the other", function()
    local one, other, _ <close> = support.tls_pair()
    one:write("last")
    one:shutdown()
    assert.are.equal("last", other:read("a"))
    other:write("still here\n")
    assert.are.equal("still here", one:read())
    other:close()
    assert.is_nil(one:read())
    raises("closed", one.write, one, "no more")
  end)

  it("sends what was written, and its farewell, when it is closed", function()
    support.on_both_kinds(function(one, other)
      support.shaken(one, other)
      one:write("all of it")
      one:close()
      assert.are.equal("all of it", other:read("a"))
    end)
  end)

  it("says when the end is not the peer's word", function()
    local one, other, _ <close> = support.pair()
    local middle, far, _ <close> = support.pair()
    local relays = { -- between them, something that can cut
      go(pcall, function() for p in function() return other:read_some() end do middle:write(p) end end),
      go(pcall, function() for p in function() return middle:read_some() end do other:write(p) end end),
    }
    support.shaken(one, far)
    far:write("so far")
    assert.are.equal("so far", one:read_exact(6))
    other:close()
    local e = raises("tls", one.read, one)
    assert.are.equal("TRUNCATED", e.code)
    assert.are.equal("stream.read", e.op)
    support.says(e, "ended without a close_notify")
    assert.are.equal("TRUNCATED", raises("tls", one.read, one).code) -- and again
    middle:close()
    lull.wait(relays)
  end)

  it("fails with a reader that waits when it is closed", function()
    local one, _, _ <close> = support.tls_pair()
    local reader = go(one.read, one)
    testing.settle()
    one:close()
    support.ends("failed", reader)
    assert.is_true(lull.is_error(reader:error(), "closed"))
  end)

  it("keeps its timeout", function()
    local one, _, _ <close> = support.tls_pair()
    one:set_timeout(0.01)
    raises("timeout", one.read, one)
    one:set_timeout(nil)
  end)

  it("takes nothing when a read is cancelled", function()
    local one, other, _ <close> = support.tls_pair()
    local reader = go(one.read, one)
    testing.settle()
    other:write("half")
    testing.settle()
    reader:cancel()
    reader:join()
    other:write(" and half\n")
    assert.are.equal("half and half", one:read())
  end)

  it("describes itself", function()
    local one, other, _ <close> = support.tls_pair(nil, support.identity("server", { alpn = "x" }))
    local seen = one:tls()
    assert.are.equal("TLSv1.3", seen.version)
    assert.are.equal("TLS_AES_256_GCM_SHA384", seen.cipher)
    assert.are.equal("localhost", seen.server_name)
    assert.is_nil(seen.alpn)
    assert.is_false(seen.resumed)
    assert.is_true(seen.verified)
    local peer = seen.peer
    assert.are.equal("CN=server.test,O=Test", peer.subject)
    assert.are.equal("CN=Intermediate,O=Test", peer.issuer)
    assert.are.same({ "server.test", "localhost", "127.0.0.1", "0:0:0:0:0:0:0:1" }, peer.names)
    assert.are.equal(os.time { year = 2020, month = 1, day = 1, hour = 0 }, peer.not_before)
    assert.are.equal(os.time { year = 2050, month = 1, day = 1, hour = 0 }, peer.not_after)
    assert.truthy(peer.serial:find("^%x+$"))
    assert.are.equal(64, #peer.fingerprint_sha256)
    assert.truthy(support.text("server.crt"):find(peer.pem, 1, true))
    assert.are.equal("localhost", other:tls().server_name)
    assert.is_nil(other:tls().peer)
  end)

  it("is nothing special without TLS, and when it is closed", function()
    local one, _, _ <close> = support.pair()
    assert.is_nil(one:tls())
    local two, _, _ <close> = support.tls_pair()
    two:close()
    assert.is_nil(two:tls())
  end)
end)

describe("start_tls", function()
  it("protects a stream that has been in use, on both sides", function()
    local one, other, _ <close> = support.tcp_pair()
    one:write("STARTTLS\n")
    assert.are.equal("STARTTLS", other:read())
    other:write("go ahead\n")
    assert.are.equal("go ahead", one:read())
    local first, second = support.shaken(one, other)
    assert.are.same({ true, one, n = 2 }, first)
    assert.are.same({ true, other, n = 2 }, second)
    one:write("secret\n")
    assert.are.equal("secret", other:read())
  end)

  it("takes what was read ahead for TLS", function()
    local one, other, _ <close> = support.tcp_pair()
    local client = go(function()
      one:write("STARTTLS\n")
      return one:start_tls(support.trusting { server_name = "localhost" })
    end)
    testing.settle() -- the command and the hello have come together
    assert.are.equal("STARTTLS", other:read())
    other:start_tls(support.identity("server", { server = true }))
    client:await():write("x")
    assert.are.equal("x", other:read_exact(1))
  end)

  it("takes no command of a server that was sent before it", function()
    local one, other, _ <close> = support.tcp_pair()
    one:write("STARTTLS\nDELETE everything\n")
    assert.are.equal("STARTTLS", other:read())
    local e = raises("tls", other.start_tls, other, support.identity("server", { server = true }))
    assert.are.equal("NOT_TLS", e.code)
    raises("closed", other.read, other)
  end)

  it("takes no answer of a client that was sent before it", function()
    local one, other, _ <close> = support.tcp_pair()
    other:write("go ahead\nyou are the administrator\n")
    assert.are.equal("go ahead", one:read())
    local e = raises("tls", one.start_tls, one, support.trusting { server_name = "localhost" })
    assert.are.equal("NOT_TLS", e.code)
  end)

  it("is refused while another task reads or writes", function()
    local one, _, _ <close> = support.pair()
    local reader = go(one.read, one)
    testing.settle()
    raises("busy", one.start_tls, one, { verify = false })
    reader:cancel()
    reader:join()
    local writer = support.stuffed(one)
    raises("busy", one.start_tls, one, { verify = false })
    writer:cancel()
    writer:join()
  end)

  it("keeps readers and writers out meanwhile", function()
    local one, _, _ <close> = support.pair()
    local shaking = go(pcall, one.start_tls, one, { verify = false })
    testing.settle()
    raises("busy", one.read, one)
    raises("busy", one.start_tls, one, { verify = false })
    assert.are.equal("pending", shaking:status())
    assert.are.equal("EBUSY", raises("io", one.write, one, "plain?").code)
    shaking:cancel()
    shaking:join()
  end)

  it("needs to know whom it talks to", function()
    local one, _, _ <close> = support.pair()
    misuse(one.start_tls, one)
    misuse(one.start_tls, one, { ca_file = support.file "ca.pem" })
  end)

  it("takes a context of either side", function()
    local tls = require "lull.tls"
    local one, other, _ <close> = support.pair()
    local client = tls.client(support.trusting { server_name = "localhost" })
    local server = tls.server(support.identity "server")
    local task = go(one.start_tls, one, client)
    other:start_tls(server)
    task:await():write("x")
    assert.are.equal("x", other:read_exact(1))
  end)

  it("refuses a stream that is closed", function()
    local one, _, _ <close> = support.pair()
    one:close()
    raises("closed", one.start_tls, one, { verify = false })
  end)

  it("goes into itself", function()
    local one, other, _ <close> = support.tls_pair()
    local first, second = support.shaken(one, other,
      support.trusting { server_name = "other.test" }, support.identity "other")
    assert.is_true(first[1], tostring(first[2]))
    assert.is_true(second[1])
    assert.are.equal("CN=other.test,O=Test", one:tls().peer.subject)
    local sent = pattern(MEGABYTE)
    local writer = go(function()
      one:write(sent)
      one:shutdown()
    end)
    assert.is_true(sent == read_all(other))
    writer:await()
    other:write("back\n")
    assert.are.equal("back", one:read())
  end)

  it("closes both layers when the inner one fails", function()
    local one, other, _ <close> = support.tls_pair()
    local first, second = support.shaken(one, other,
      support.trusting { server_name = "evil.test" }, support.identity "other")
    assert.are.equal("HOSTNAME_MISMATCH", first[2].code)
    assert.are.equal("ALERT_BAD_CERTIFICATE", second[2].code)
    raises("closed", one.read, one)
  end)
end)

describe("teardown", function()
  it("in the middle of everything leaves nothing", function()
    local code = ([[
      local lull, net = require "lull", require "lull.net"
      local identity = { cert = "%s", key = "%s" }
      local server = net.serve({ tls = identity }, function(s)
        pcall(s.write, s, ("x"):rep(1e7))
      end)
      net.connect("127.0.0.1", server.port)
      for _ = 1, 3 do
        lull.spawn(net.connect, "127.0.0.1", server.port, { tls = { verify = false } })
      end
      local s = net.connect("127.0.0.1", server.port, { tls = { verify = false } })
      lull.spawn(s.read_exact, s, 1e9)
      local silent = net.listen {}
      lull.spawn(net.connect, "127.0.0.1", silent.port, { tls = { verify = false } })
      lull.sleep(0.02)
      os.exit(3)
    ]]):format(support.file "server.pem", support.file "server.key")
    local output, status = support.program(code)
    assert.are.equal("", output)
    assert.are.equal(3, status)
  end)

  it("drops a stream that nobody holds", function()
    local server <close> = support.server("server", nil, function(stream) pcall(support.echo, stream) end)
    for _ = 1, 20 do support.connect(server) end
    collectgarbage()
    collectgarbage()
    local s <close> = support.connect(server)
    s:write("x")
    assert.are.equal("x", s:read_exact(1))
    assert.is_not_nil(net)
  end)
end)
