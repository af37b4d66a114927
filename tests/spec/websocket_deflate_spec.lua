--- websocket_deflate_spec.lua: compressed messages (RFC 7692), and how they are agreed on.
---
--- Groups 12 and 13 of the public Autobahn test suite, restated, and what a hostile peer may send.

local deflate = require "lull.websocket.deflate"
local here = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local support = dofile(here .. "support_ws.lua")
local f, go = support.f, support.go

local SIZES <const> = { 16, 256, 1024, 8192, 32768, 131072 }

--- Text that can be compressed, and is not all the same.
local function text_of(size)
  local parts, length = {}, 0
  for i = 1, math.huge do
    parts[i] = ('{"id": %d, "name": "user %d", "value": %d}, '):format(i, i * 7 % 101, i * i % 9973)
    length = length + #parts[i]
    if length >= size then return table.concat(parts):sub(1, size) end
  end
end

local function noise_of(size)
  return require "lull.crypto".random(size)
end

local function exchange(client_options, server_options, count)
  client_options.threshold, server_options.threshold = 0, 0
  local client, server, _ <close> =
    support.sockets({ compress = client_options }, { compress = server_options })
  local echo = go(support.echo, server)
  for _, size in ipairs(SIZES) do
    local text, bytes = text_of(size), noise_of(size)
    for _ = 1, count do
      client:send(text)
      assert.is_true(client:recv() == text)
      client:send_binary(bytes)
      assert.is_true(client:recv() == bytes)
    end
  end
  client:close()
  echo:await()
end

describe("12, 13: compressed messages are echoed", function()
  local CASES <const> = {
    ["by default"] = { {}, {} },
    ["without context takeover, as the client asks"] = {
      { server_no_context_takeover = true, client_no_context_takeover = true }, {},
    },
    ["without context takeover, as the server says"] = {
      {}, { server_no_context_takeover = true, client_no_context_takeover = true },
    },
    ["with the server's window of 9 bits"] = { { server_max_window_bits = 9 }, {} },
    ["with the client's window of 9 bits"] = { {}, { client_max_window_bits = 9 } },
    ["with all of it"] = {
      { server_max_window_bits = 10, client_max_window_bits = 11, server_no_context_takeover = true },
      { client_max_window_bits = 9, client_no_context_takeover = true },
    },
    ["fast and small"] = { { level = 1, memory_level = 1 }, { level = 9, memory_level = 9 } },
  }
  for title, options in pairs(CASES) do
    it(title, function() exchange(options[1], options[2], 3) end)
  end
end)

describe("compression", function()
  local function first_frame(size, compress)
    local sock, far, _ <close> = support.raw("server", { compress = compress })
    sock:send(text_of(size))
    return support.read_frame(far)
  end

  it("is for messages from the threshold on, and seen in a reserved bit", function()
    assert.are.equal(0, first_frame(1023, { threshold = 1024 }).rsv)
    local frame = first_frame(1024, { threshold = 1024 })
    assert.are.equal(4, frame.rsv)
    assert.is_true(#frame.payload < 512)
    assert.are.equal(0, first_frame(0, { threshold = 0 }).rsv)
  end)
  it("uses what came before, unless it is told not to", function()
    local client, server, _ <close> =
      support.sockets({ compress = { threshold = 0 } }, { compress = true })
    local text = text_of(2000)
    for _ = 1, 3 do
      client:send(text)
      assert.are.equal(text, (server:recv()))
    end
  end)
  it("is off unless both want it", function()
    for _, compress in ipairs { { true, false }, { false, true }, { false, false } } do
      local client, server, _ <close> =
        support.sockets({ compress = compress[1] }, { compress = compress[2] })
      client:send(text_of(5000))
      assert.are.equal(5000, #server:recv())
    end
  end)
  it("stays in order when senders are cancelled", function()
    local client, server, _ <close> =
      support.sockets({ compress = { threshold = 0 } }, { compress = true })
    local blocker = go(client.send_binary, client, noise_of(1024 * 1024):rep(8))
    require "lull.testing".settle()
    local tasks = {}
    for i = 1, 10 do tasks[i] = go(client.send, client, i .. text_of(3000)) end
    require "lull.testing".settle()
    for i = 1, 10, 2 do tasks[i]:cancel() end
    assert.are.equal(8 * 1024 * 1024, #server:recv())
    for i = 2, 10, 2 do assert.are.equal(i .. text_of(3000), (server:recv())) end
    for i = 1, 10 do tasks[i]:join() end
    blocker:await()
  end)
end)

describe("a compressed message that comes", function()
  local ON <const> = { compress = { threshold = 1 << 20 } }
  local HELLO <const> = "\xf2\x48\xcd\xc9\xc9\x07\x00" -- RFC 7692, section 7.2.3.1

  local function z(make, payload, more)
    more = more or {}
    more.rsv = 4
    return make(payload, more)
  end

  local function answers_of(frames, opts)
    frames[#frames + 1] = f.close(1000)
    return (support.converse("server", frames, opts or ON))
  end

  it("is as the examples of RFC 7692 say", function()
    assert.are.same({ "text:Hello", "close:1000" }, answers_of { z(f.text, HELLO) })
    assert.are.same({ "text:Hello", "close:1000" }, answers_of { -- in two fragments
      z(f.text, "\xf2\x48\xcd", { fin = false }), f.continuation "\xc9\xc9\x07\x00",
    })
    assert.are.same({ "text:Hello", "text:Hello", "close:1000" }, answers_of { -- with context
      z(f.text, HELLO), z(f.text, "\xf2\x00\x11\x00\x00"),
    })
    assert.are.same({ "text:Hello", "close:1000" }, answers_of { -- without compression
      z(f.text, "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"),
    })
    assert.are.same({ "text:Hello", "close:1000" }, answers_of { -- a last block
      z(f.text, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"),
    })
    assert.are.same({ "text:Hello", "close:1000" }, answers_of { -- two blocks
      z(f.text, "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"),
    })
  end)
  it("may refer to what came before a last block", function()
    assert.are.same({ "text:Hello", "text:Hello", "close:1000" }, answers_of {
      z(f.text, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), z(f.text, "\xf2\x00\x11\x00\x00"),
    })
  end)
  it("may be empty, and in between others that are not compressed", function()
    assert.are.same({ "text:", "text:plain", "text:Hello", "close:1000" }, answers_of {
      z(f.text, "\0"), f.text "plain", z(f.text, HELLO),
    })
  end)
  it("may come octet by octet", function()
    support.check_case({ z(f.text, HELLO), f.close(1000) }, { "text:Hello", "close:1000" }, ON)
  end)
  it("is checked for UTF-8", function()
    local stored = "\x00\x02\x00\xfd\xff\xc0\x80\x00"
    assert.are.same({ "close:1007" }, answers_of { z(f.text, stored) })
    assert.are.same({ "binary:\xc0\x80", "close:1000" }, answers_of { z(f.binary, stored) })
  end)
  it("ends it with 1007 where it is no deflate, or cut off", function()
    for _, payload in ipairs {
      "\xff\xff\xff", "\x07", "", HELLO:sub(1, 4), "\x00\x05\x00\xfa\xff\x48\x65", "\x06\0\0", "\xf2\x00\x11",
      "\xf3\x48\xcd\xc9\xc9\x07\x00", "\x01",
    } do
      assert.are.same({ "close:1007" }, answers_of { z(f.binary, payload) }, (payload:gsub(".", function(c)
        return ("%02x "):format(c:byte())
      end)))
    end
  end)
  it("has its bit on the first frame only, and not on control frames", function()
    assert.are.same({ "close:1002" }, answers_of {
      z(f.text, "\xf2\x48\xcd", { fin = false }), z(f.continuation, "\xc9\xc9\x07\x00"),
    })
    assert.are.same({ "close:1002" }, answers_of { z(f.ping, "") })
    assert.are.same({ "close:1002" }, answers_of { f.text("x", { rsv = 6 }) })
  end)

  --- Deflate a run of zeros through a socket of our own.
  local function bomb(size)
    local sock, far, _ <close> = support.raw("server", {
      compress = { threshold = 0, level = 9 }, max_message = 1 << 30,
    })
    local sending = go(sock.send_binary, sock, ("\0"):rep(size))
    local frame = support.read_frame(far)
    sending:await()
    return frame.payload
  end

  it("is not inflated beyond max_message", function()
    local payload = bomb(64 * 1024 * 1024)
    assert.is_true(#payload < 70000)
    local before = collectgarbage "count"
    assert.are.same({ "close:1009" }, answers_of({ z(f.binary, payload) },
      { compress = true, max_message = 100000 }))
    assert.is_true(collectgarbage "count" - before < 8192)
    assert.are.same({ "close:1009" }, answers_of({ z(f.binary, payload) }, { compress = true }))
  end)
  it("is taken up to max_message exactly", function()
    local payload = bomb(100000)
    local opts = { compress = { threshold = 1 << 20 }, max_message = 100000 }
    assert.are.same({ "binary:" .. ("\0"):rep(100000), "close:1000" },
      answers_of({ z(f.binary, payload) }, opts))
    opts.max_message = 99999
    assert.are.same({ "close:1009" }, answers_of({ z(f.binary, payload) }, opts))
  end)
  it("has not many last blocks", function()
    assert.are.same({ "close:1007" }, answers_of { z(f.binary, ("\3\0"):rep(1000) .. "\0") })
  end)
end)

describe("the negotiation", function()
  local function complete(given)
    local options = require "lull.websocket.options"
    return options.server({ compress = given or true }, 1, "test").compress
  end

  local ANSWERS <const> = { -- options, offer, answer
    { {}, "permessage-deflate", "permessage-deflate" },
    { {}, "permessage-deflate; client_max_window_bits", "permessage-deflate" },
    { {}, "foo, permessage-deflate; unknown, permessage-deflate; client_max_window_bits=10",
      "permessage-deflate; client_max_window_bits=10" },
    { {}, 'permessage-deflate; client_max_window_bits="10"',
      "permessage-deflate; client_max_window_bits=10" },
    { {}, "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover" },
    { {}, "permessage-deflate; server_max_window_bits=12", "permessage-deflate; server_max_window_bits=12" },
    { {}, "permessage-deflate; server_max_window_bits=8", nil },
    { {}, "permessage-deflate; server_max_window_bits=8, permessage-deflate", "permessage-deflate" },
    { {}, "permessage-deflate; client_max_window_bits=8", "permessage-deflate; client_max_window_bits=8" },
    { {}, "permessage-deflate; server_max_window_bits", nil },
    { {}, "permessage-deflate; server_max_window_bits=16", nil },
    { {}, "permessage-deflate; server_max_window_bits=7", nil },
    { {}, "permessage-deflate; server_max_window_bits=010", nil },
    { {}, "permessage-deflate; client_max_window_bits=9; client_max_window_bits=9", nil },
    { {}, "permessage-deflate; server_no_context_takeover=1", nil },
    { {}, "permessage-deflate; x", nil },
    { {}, "x-webkit-deflate-frame", nil },
    { {}, "", nil },
    { { server_max_window_bits = 10 }, "permessage-deflate",
      "permessage-deflate; server_max_window_bits=10" },
    { { server_max_window_bits = 10 }, "permessage-deflate; server_max_window_bits=9",
      "permessage-deflate; server_max_window_bits=9" },
    { { client_max_window_bits = 10 }, "permessage-deflate", "permessage-deflate" },
    { { client_max_window_bits = 10 }, "permessage-deflate; client_max_window_bits",
      "permessage-deflate; client_max_window_bits=10" },
    { { server_no_context_takeover = true }, "permessage-deflate",
      "permessage-deflate; server_no_context_takeover" },
  }
  for _, case in ipairs(ANSWERS) do
    it(("answers '%s'"):format(case[2]), function()
      local answer, _, wrong = deflate.answer(complete(case[1]), case[2])
      assert.is_nil(wrong)
      assert.are.equal(case[3], answer)
    end)
  end

  it("takes what lists look like, and nothing else", function()
    for _, text in ipairs {
      "permessage-deflate;", "permessage-deflate; =", "; x", "permessage-deflate; a=", "a b", "a=b",
      'permessage-deflate; a="', 'permessage-deflate; a="b c"', "permessage-deflate; a=b=c", "a;;b",
    } do
      local answer, _, wrong = deflate.answer(complete(), text)
      assert.is_nil(answer)
      assert.is_string(wrong, text)
    end
    for _, text in ipairs { ",, permessage-deflate ,", "permessage-deflate\t", "  permessage-deflate" } do
      assert.are.equal("permessage-deflate", (deflate.answer(complete(), text)))
    end
  end)

  it("offers what the options say", function()
    assert.are.equal("permessage-deflate; client_max_window_bits", deflate.offer(complete()))
    assert.are.equal("permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
      .. "server_max_window_bits=10; client_max_window_bits=11", deflate.offer(complete {
        server_no_context_takeover = true, client_no_context_takeover = true,
        server_max_window_bits = 10, client_max_window_bits = 11,
      }))
  end)

  it("lets a client refuse an answer that is not to its offer", function()
    local function wrong(given, answer)
      local settings, text = deflate.accepted(given and complete(given), answer)
      assert.is_nil(settings, answer)
      assert.is_string(text, answer)
    end
    wrong(nil, "permessage-deflate")
    wrong({}, "other")
    wrong({}, "permessage-deflate, permessage-deflate")
    wrong({}, "permessage-deflate; x")
    wrong({}, "permessage-deflate; client_max_window_bits")
    wrong({}, "permessage-deflate; server_no_context_takeover; server_no_context_takeover")
    wrong({}, "permessage-deflate; server_max_window_bits=16")
    wrong({}, "permessage-deflate; ;")
    wrong({ server_max_window_bits = 10 }, "permessage-deflate; server_max_window_bits=11")
    wrong({ server_max_window_bits = 10 }, "permessage-deflate")
    wrong({ server_no_context_takeover = true }, "permessage-deflate")
  end)

  it("tells the codec what was agreed on", function()
    local settings = deflate.accepted(complete(), "permessage-deflate; client_max_window_bits=10; "
      .. "server_max_window_bits=11; client_no_context_takeover")
    assert.are.equal(10, settings.send_bits)
    assert.are.equal(11, settings.receive_bits)
    assert.is_true(settings.send_reset)
    assert.is_false(settings.receive_reset)
    settings = deflate.accepted(complete(), "permessage-deflate; client_max_window_bits=8")
    assert.are.equal(0, settings.send_bits) -- zlib cannot: then nothing is sent compressed
  end)
end)
