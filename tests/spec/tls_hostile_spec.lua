--- tls_hostile_spec.lua: peers and networks that are no good.

local lull = require "lull"
local net = require "lull.net"
local tls = require "lull.tls"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_tls.lua")
local go, raises = support.go, support.raises

--- Seconds until somebody gives up who waits for more because a length was changed: outcomes are the
--- same if that is too short.
local IMPATIENT <const> = 0.05

local contexts = {} -- made once: files are read at every start_tls else

local function client_context()
  contexts.client = contexts.client or tls.client(support.trusting {
    server_name = "localhost", resume = false,
  })
  return contexts.client
end

local function server_context()
  contexts.server = contexts.server or tls.server(support.identity("server", { resume = false }))
  return contexts.server
end

--- Carry bytes from one stream to another; change(bytes, position) is what becomes of a piece, nil
--- cuts the connection there.
local function carry(from, to, change)
  return go(pcall, function()
    local position = 0
    for piece in function() return from:read_some() end do
      local changed, more = change(piece, position)
      if changed and changed ~= "" then to:write(changed) end
      if more == false then break end
      position = position + #piece
    end
    to:shutdown()
    from:close()
  end)
end

local function unchanged(piece) return piece end

--- Let a client and a server meet over a network that changes what they say: to the client, to the
--- server.  Both outcomes, { ok, result or error }: each writes a line and reads one.
local function meet(to_client, to_server, patience)
  local client, near = net.pair { timeout = patience }
  local server, far = net.pair { timeout = patience }
  local relays = { carry(near, far, to_server or unchanged), carry(far, near, to_client or unchanged) }
  local function talk(stream, context, line)
    return function()
      return table.pack(pcall(function()
        stream:start_tls { context = context, handshake_timeout = patience }
        stream:write(line, "\n")
        local answer = stream:read()
        stream:close()
        return answer
      end))
    end
  end
  local outcomes = lull.gather {
    talk(client, client_context(), "from the client"), talk(server, server_context(), "from the server"),
  }
  for _, stream in ipairs { client, near, server, far } do stream:close() end
  for _, relay in ipairs(relays) do relay:join() end
  return outcomes[1], outcomes[2]
end

--- An end after so many bytes.
local function cut_after(count)
  return function(piece, position)
    if position + #piece < count then return piece end
    return piece:sub(1, count - position), false
  end
end

local function flipped_at(index, bit)
  return function(piece, position)
    local at = index - position
    if at < 1 or at > #piece then return piece end
    return piece:sub(1, at - 1) .. string.char(piece:byte(at) ~ bit) .. piece:sub(at + 1)
  end
end

--- It is right, or it is an error; nothing else.
local function is_honest(outcome, line)
  if outcome[1] then return outcome[2] == line or outcome[2] == nil end
  local kind = outcome[2].kind
  return kind == "tls" or kind == "io" or kind == "timeout"
end

describe("a connection that is cut", function()
  local lengths -- of what goes to the client and to the server when all is well

  local function measured()
    if lengths then return lengths end
    local down, up = 0, 0
    meet(function(piece)
      down = down + #piece
      return piece
    end, function(piece)
      up = up + #piece
      return piece
    end)
    lengths = { down = down, up = up }
    return lengths
  end

  it("is an error for the client wherever it happens", function()
    for count = 0, measured().down - 60, 41 do
      local client = meet(cut_after(count))
      assert.is_false(client[1], "after " .. count .. " bytes")
      assert.is_true(lull.is_error(client[2], "tls"), tostring(client[2]))
      assert.are.equal("TRUNCATED", client[2].code)
    end
  end)

  it("is an error for the server wherever it happens", function()
    for count = 0, measured().up - 60, 17 do
      local _, server = meet(nil, cut_after(count))
      assert.is_false(server[1], "after " .. count .. " bytes")
      assert.is_true(lull.is_error(server[2], "tls"), tostring(server[2]))
    end
  end)

  it("says where: in the handshake, or later", function()
    local client = meet(cut_after(100))
    support.says(client[2], "TLS handshake with localhost: the peer closed the connection")
    client = meet(cut_after(measured().down - 40)) -- in the middle of the line
    support.says(client[2], "TLS with localhost: the connection ended without a close_notify")
  end)
end)

describe("bytes that are changed", function()
  it("never get through to the client", function()
    for index = 1, 1300, 23 do
      local client, server = meet(flipped_at(index, 1 << index % 8), nil, IMPATIENT)
      assert.is_true(is_honest(client, "from the server"), tostring(client[2]))
      assert.is_true(is_honest(server, "from the client"), tostring(server[2]))
    end
  end)

  it("never get through to the server", function()
    for index = 1, 500, 11 do
      local client, server = meet(nil, flipped_at(index, 1 << index % 8), IMPATIENT)
      assert.is_true(is_honest(client, "from the server"), tostring(client[2]))
      assert.is_true(is_honest(server, "from the client"), tostring(server[2]))
    end
  end)

  it("are told from a cut", function()
    local one, other, _ <close> = support.pair()
    local middle, far, _ <close> = support.pair()
    local spoil = false
    local relays = {
      carry(other, middle, unchanged),
      carry(middle, other, function(piece) return spoil and flipped_at(9, 1)(piece, 0) or piece end),
    }
    support.shaken(one, far)
    far:write("well")
    assert.are.equal("well", one:read_exact(4))
    spoil = true
    far:write("forged")
    local e = raises("tls", one.read_exact, one, 6)
    assert.are.equal("BAD_RECORD_MAC", e.code)
    support.says(e, "a record was damaged or forged")
    assert.are.equal("BAD_RECORD_MAC", raises("tls", one.write, one, "more").code)
    one:close()
    far:close()
    lull.wait(relays)
  end)
end)

describe("a peer that does not speak TLS", function()
  --- What a client says of one that answers this.
  local function answered(bytes)
    local listener <close> = net.listen {}
    go(pcall, function()
      local s <close> = listener:accept()
      s:read_some()
      s:write(bytes)
    end)
    return raises("tls", net.connect, "127.0.0.1", listener.port, { tls = { verify = false } })
  end

  it("is called that by a client", function()
    local e = answered "HTTP/1.1 400 Bad Request\r\n\r\n"
    assert.are.equal("NOT_TLS", e.code)
    support.says(e, "127.0.0.1: the peer does not speak TLS: it sent plain text")
    assert.are.equal("NOT_TLS", answered("SSH-2.0-OpenSSH_9.2p1\r\n").code)
    assert.are.equal("NOT_TLS", answered(("\0"):rep(100)).code)
    assert.are.equal("NOT_TLS", answered("\x16\x02\x00\x00\x05hello").code)
  end)

  it("is an end to a client, if that is all it says", function()
    local e = answered ""
    assert.are.equal("TRUNCATED", e.code)
  end)

  it("fails alone at a server", function()
    local codes = {}
    local server <close> = support.server("server", {
      on_handshake_error = function(e) codes[#codes + 1] = e.code end,
    })
    local hello = "\x16\x03\x01"
    local attacks = {
      "GET / HTTP/1.0\r\n\r\n", "\n", ("\0"):rep(20000), ("\xff"):rep(70000),
      hello .. "\xff\xff" .. ("x"):rep(65535), hello .. "\0\0" .. (hello .. "\0\0"):rep(500),
      hello .. "\0\4\1\xff\xff\xff" .. (hello .. "\x40\0" .. ("a"):rep(16384)):rep(20),
      "\x15\x03\x01\0\2\2\x28", "\x17\x03\x03\0\5hello", "\x80\x2e\1\3\1\0\x15\0\0\0\x10" .. ("b"):rep(40),
    }
    for _, attack in ipairs(attacks) do
      local s <close> = net.connect("127.0.0.1", server.port)
      pcall(s.write, s, attack)
      pcall(s.shutdown, s)
      pcall(s.read, s, "a")
    end
    for _ = 1, 200 do
      if server.failed_handshakes == #attacks then break end
      lull.sleep(0.005)
    end
    assert.are.equal(#attacks, server.failed_handshakes)
    local s <close> = support.connect(server)
    s:write("x")
    assert.are.equal("x", s:read_exact(1))
  end)
end)

describe("a peer that resets the connection", function()
  it("leaves no stream open that half a handshake lies on", function()
    local one, other, _ <close> = support.tcp_pair()
    local client = go(pcall, one.start_tls, one, client_context())
    other:read_exact(5)
    other:abort()
    local ok, e = client:await()
    assert.is_false(ok)
    assert.are.equal("ECONNRESET", e.code)
    assert.is_nil(one:fd())
  end)
end)

describe("a peer that is slow", function()
  it("has so long for all of its handshake, however busy it is", function()
    local one, other, _ <close> = support.pair()
    local middle, far, _ <close> = support.pair()
    local relays = {
      carry(other, middle, unchanged),
      go(pcall, function() -- a byte at a time
        for byte in function() return middle:read_some(1) end do
          lull.sleep(0.002)
          other:write(byte)
        end
      end),
    }
    local server = go(pcall, far.start_tls, far, server_context())
    local e = raises("timeout", one.start_tls, one,
      { context = client_context(), handshake_timeout = 0.1 })
    assert.are.equal("tls.handshake", e.op)
    one:close()
    middle:close()
    server:join()
    lull.wait(relays)
  end)

  it("gets through, if it is fast enough", function()
    local one, other, _ <close> = support.pair()
    local middle, far, _ <close> = support.pair()
    local relays = {
      carry(other, middle, unchanged),
      go(pcall, function()
        for byte in function() return middle:read_some(1) end do other:write(byte) end
        other:shutdown()
      end),
    }
    local first, second = support.shaken(one, far)
    assert.is_true(first[1] and second[1])
    far:write("slowly")
    far:shutdown()
    assert.are.equal("slowly", one:read("a"))
    one:close()
    middle:close()
    lull.wait(relays)
  end)
end)

describe("a handshake that is given up", function()
  --- Give one side up after so many turns; true if it was over before.
  local function given_up(turns, is_client)
    local one, other = net.pair()
    local client = go(one.start_tls, one, client_context())
    local server = go(other.start_tls, other, server_context())
    local task = is_client and client or server
    for _ = 1, turns do lull.yield() end
    task:cancel()
    local status = task:join()
    local mine = is_client and one or other
    if status == "cancelled" then raises("closed", mine.read, mine) end
    one:close()
    other:close()
    client:join()
    server:join()
    return status == "done"
  end

  for _, is_client in ipairs { true, false } do
    it("is over at any moment, at the " .. (is_client and "client" or "server"), function()
      local turns = 1 -- before its first step the stream would be untouched
      while not given_up(turns, is_client) do turns = turns + 1 end
    end)
  end
end)

describe("many handshakes", function()
  --- A program of its own prints how many KiB it grows by, once it is warm.
  local CODE <const> = [[
    local net, tls = require "lull.net", require "lull.tls"
    local function resident()
      local f <close> = assert(io.open("/proc/self/statm"))
      return tonumber(f:read("a"):match("^%%d+ (%%d+)")) * 4
    end
    local server <close> = net.serve({ tls = { cert = "%s", key = "%s" } }, function(stream)
      stream:write(stream:read_exact(1))
    end)
    local good = tls.client { ca_file = "%s" }
    local bad = tls.client { ca_file = "%s" }
    local function rounds(count)
      for _ = 1, count do
        local s <close> = net.connect("localhost", server.port, { tls = good })
        s:write("x")
        assert(s:read_exact(1) == "x")
        assert(not pcall(net.connect, "localhost", server.port, { tls = bad }))
      end
      collectgarbage()
      return resident()
    end
    local has_sanitizer = io.open("/proc/self/maps"):read("a"):find("libasan", 1, true)
    local before = rounds(has_sanitizer and 10 or 100)
    local after = rounds(has_sanitizer and 40 or 400)
    print(has_sanitizer and 0 or after - before)]]

  it("leave nothing behind, good or bad", function()
    local file = support.file
    local output = support.program(CODE:format(
      file "server.pem", file "server.key", file "ca.pem", file "rogue.pem"))
    assert.is_true((tonumber(output) or math.huge) < 1024, output)
  end)
end)
