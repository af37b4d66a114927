--- websocket_sizes_spec.lua: large messages, many fragments, limits, and waiting for the peer.
---
--- Groups 9 and 10 of the public Autobahn test suite, restated.

local lull = require "lull"
local testing = require "lull.testing"
local here = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local support = dofile(here .. "support_ws.lua")
local f, go, raises = support.f, support.go, support.raises

local MEBI <const> = 1024 * 1024

--- Frames of a message in fragments of n bytes.
local function fragments(make, payload, n)
  local list = {}
  for i = 1, #payload, n do
    list[#list + 1] = (i == 1 and make or f.continuation)(payload:sub(i, i + n - 1),
      { fin = i + n > #payload })
  end
  return list
end

--- A connection both ways, checked message by message.
local function echoed(payload, kind)
  local client, server, _ <close> = support.sockets()
  local echo = go(support.echo, server)
  local sending = go(kind == "text" and client.send or client.send_binary, client, payload)
  local message, got_kind = client:recv()
  assert.is_true(message == payload, "the message came back different")
  assert.are.equal(kind, got_kind)
  sending:await()
  client:close()
  echo:await()
end

describe("9: messages are echoed,", function()
  for _, size in ipairs { 64 * 1024, 256 * 1024, MEBI, 4 * MEBI, 16 * MEBI } do
    it(("of %d KiB"):format(size // 1024), function()
      echoed(("*"):rep(size), "text")
      echoed(("\xfe\0"):rep(size // 2), "binary")
    end)
  end
  for _, size in ipairs { 64, 1024, 65536 } do
    it(("of 1 MiB in fragments of %d bytes"):format(size), function()
      local payload = ("0123456789abcdef"):rep(MEBI // 16)
      local list = fragments(f.text, payload, size)
      list[#list + 1] = f.close(1000)
      local answers = support.converse("client", list)
      assert.are.same({ "text:" .. payload, "close:1000" }, answers)
    end)
  end
end)

describe("10: fragments of any size", function()
  it("make one message", function()
    local payload = ("*"):rep(65536)
    local list = fragments(f.text, payload, 1300)
    list[#list + 1] = f.close(1000)
    assert.are.same({ "text:" .. payload, "close:1000" }, (support.converse("server", list)))
  end)
end)

describe("a message over max_message", function()
  local OPTS <const> = { max_message = 1000 }

  it("ends it with 1009, and raises limit", function()
    for _, role in ipairs { "server", "client" } do
      local answers, e, sock = support.converse(role, { f.text(("x"):rep(1001)) }, OPTS)
      assert.are.same({ "close:1009" }, answers)
      assert.are.equal("limit", e.kind)
      assert.are.equal(1009, sock.close_code)
    end
  end)
  it("is refused by its length already, however much there is of it", function()
    for _, length in ipairs { 1001, 70000, math.maxinteger } do
      local sock, far, _ <close> = support.raw("client", OPTS)
      local receiving = go(sock.recv, sock)
      far:write(support.frame(f.binary("x", { length = length })))
      assert.are.same({ "close:1009" }, support.answers(far))
      far:close()
      receiving:join()
    end
  end)
  it("is refused in fragments, too", function()
    local list = fragments(f.binary, ("x"):rep(1001), 100)
    assert.are.same({ "close:1009" }, (support.converse("client", list, OPTS)))
  end)
  it("is none at max_message", function()
    local text = ("x"):rep(1000)
    support.check_case({ f.text(text), f.close(1000) }, { "text:" .. text, "close:1000" }, OPTS)
    local list = fragments(f.text, text, 300)
    list[#list + 1] = f.close(1000)
    assert.are.same({ "text:" .. text, "close:1000" }, (support.converse("server", list, OPTS)))
  end)
  it("frames have a limit of their own", function()
    local opts = { max_message = 1000, max_frame = 100 }
    local list = fragments(f.text, ("x"):rep(1000), 100)
    list[#list + 1] = f.close(1000)
    assert.are.equal("close:1000", support.converse("server", list, opts)[2])
    assert.are.same({ "close:1009" }, (support.converse("server", { f.text(("x"):rep(101)) }, opts)))
  end)
end)

describe("what is sent", function()
  it("waits while the peer does not read, and goes on when it does", function()
    local client, server, _ <close> = support.sockets()
    local message = ("x"):rep(MEBI)
    local sent = 0
    local sending = go(function()
      for _ = 1, 64 do
        client:send_binary(message)
        sent = sent + 1
      end
    end)
    testing.settle()
    assert.are.equal("pending", sending:status())
    assert.is_true(sent < 32)
    for _ = 1, 64 do assert.is_true(server:recv() == message) end
    sending:await()
  end)
  it("by many tasks is not mixed", function()
    local client, server, _ <close> = support.sockets()
    local tasks = {}
    for i = 1, 20 do
      tasks[i] = go(function()
        for _ = 1, 5 do client:send(("%c"):format(64 + i):rep(i * 5000)) end
      end)
    end
    local seen = {}
    for _ = 1, 100 do
      local message = server:recv()
      local letter = message:sub(1, 1)
      local i = letter:byte() - 64
      assert.are.equal(i * 5000, #message)
      assert.is_nil(message:find("[^" .. letter:gsub("%W", "%%%0") .. "]"))
      seen[i] = (seen[i] or 0) + 1
    end
    for i = 1, 20 do assert.are.equal(5, seen[i]) end
    for _, task in ipairs(tasks) do task:await() end
  end)
  it("is not sent when it was cancelled before it was accepted", function()
    local client, server, _ <close> = support.sockets()
    local first = go(client.send_binary, client, ("x"):rep(16 * MEBI))
    testing.settle()
    local second = go(client.send, client, "cancelled")
    local third = go(client.send, client, "third")
    testing.settle()
    second:cancel()
    assert.are.equal("cancelled", second:join())
    assert.are.equal(16 * MEBI, #server:recv())
    assert.are.equal("third", (server:recv()))
    first:await()
    third:await()
  end)
  it("does not pile up when senders give up one after the other", function()
    local client, server, _ <close> = support.sockets()
    for _ = 1, 30 do
      lull.move_on_after(0.001, client.send_binary, client, ("x"):rep(MEBI))
    end
    local count = 0
    local counting = go(function()
      for _ in server:messages() do count = count + 1 end
    end)
    client:close()
    counting:await()
    assert.is_true(count < 15, count .. " of 30 were accepted")
  end)
  it("fails when the peer is gone", function()
    local client, server, _ <close> = support.sockets()
    local sending = go(client.send_binary, client, ("x"):rep(16 * MEBI))
    testing.settle()
    server.native:abort()
    assert.are.equal("failed", sending:join())
    assert.are.equal("io", sending:error().kind)
    raises("io", client.send, client, "x")
  end)
end)
