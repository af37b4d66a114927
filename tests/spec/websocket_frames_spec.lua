--- websocket_frames_spec.lua: what frames may look like, from the peer's side.
---
--- The cases of the public Autobahn test suite, groups 1 to 5, restated: each is sent to an echoing
--- socket in both roles, in one piece and octet by octet.

local here = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local support = dofile(here .. "support_ws.lua")
local f, case = support.f, support.check_case

local BYTES <const> = "\0\255\254\253\252\251\0\255"
local PART <const> = { fin = false }

describe("1: messages of every size are echoed:", function()
  for _, size in ipairs { 0, 1, 125, 126, 127, 128, 4096 } do
    it(size .. " bytes", function()
      local text = ("*"):rep(size)
      case({ f.text(text), f.close(1000) }, { "text:" .. text, "close:1000" })
      local bytes = ("\xfe"):rep(size)
      case({ f.binary(bytes), f.close(1000) }, { "binary:" .. bytes, "close:1000" })
    end)
  end
  for _, size in ipairs { 65535, 65536 } do
    it(size .. " bytes", function()
      local text = ("*"):rep(size)
      for _, role in ipairs { "server", "client" } do
        for _, opcode in ipairs { "text", "binary" } do
          local answers = support.converse(role, { f[opcode](text), f.close(1000) })
          assert.are.same({ opcode .. ":" .. text, "close:1000" }, answers)
        end
      end
    end)
  end
end)

describe("2: pings and pongs:", function()
  local function ten(make)
    local list, answers = {}, {}
    for i = 1, 10 do
      list[i] = make("payload-" .. i)
      answers[i] = "pong:payload-" .. i
    end
    list[11], answers[11] = f.close(1000), "close:1000"
    return list, answers
  end

  for title, payload in pairs {
    ["empty"] = "", ["with text"] = "Hello, world!", ["with bytes"] = BYTES,
    ["of 125 bytes"] = ("\xfe"):rep(125),
  } do
    it("a ping, " .. title .. ", is answered with what it has", function()
      case({ f.ping(payload), f.close(1000) }, { "pong:" .. payload, "close:1000" })
    end)
  end
  it("a ping of 126 bytes is none", function()
    case({ f.ping(("\xfe"):rep(126)), f.close(1000) }, { "close:1002" })
  end)
  it("a pong that nobody asked for is passed over", function()
    case({ f.pong "", f.close(1000) }, { "close:1000" })
    case({ f.pong "unasked", f.close(1000) }, { "close:1000" })
    case({ f.pong "unasked", f.ping "ping", f.close(1000) }, { "pong:ping", "close:1000" })
  end)
  it("ten pings are answered in order", function()
    case(ten(f.ping))
  end)
end)

describe("3: a reserved bit that nobody agreed on ends it:", function()
  for rsv = 1, 7 do
    it("bits " .. rsv, function()
      case({ f.text("x", { rsv = rsv }) }, { "close:1002" })
      case({ f.binary(BYTES, { rsv = rsv }) }, { "close:1002" })
      case({ f.ping("x", { rsv = rsv }) }, { "close:1002" })
      case({ { opcode = 8, payload = "", rsv = rsv } }, { "close:1002" })
      case({ f.text "before", f.text("x", { rsv = rsv }), f.ping "" }, { "text:before", "close:1002" })
      case({ f.text("a", PART), f.continuation("b", { rsv = rsv }) }, { "close:1002" })
    end)
  end
end)

describe("4: a reserved opcode ends it:", function()
  for _, opcode in ipairs { 3, 4, 5, 6, 7, 11, 12, 13, 14, 15 } do
    it("opcode " .. opcode, function()
      case({ { opcode = opcode, payload = "" }, f.ping "" }, { "close:1002" })
      case({ { opcode = opcode, payload = "reserved" }, f.ping "" }, { "close:1002" })
      case({ f.text "before", { opcode = opcode, payload = "x" }, f.ping "" },
        { "text:before", "close:1002" })
      case({ f.text("before", PART), { opcode = opcode, payload = "x" } }, { "close:1002" })
    end)
  end
end)

describe("5: fragments:", function()
  it("control frames have none", function()
    case({ f.ping("a", PART), f.continuation "b" }, { "close:1002" })
    case({ f.pong("a", PART), f.continuation "b" }, { "close:1002" })
    case({ { opcode = 8, payload = "", fin = false } }, { "close:1002" })
  end)
  it("two are one message", function()
    case({ f.text("frag", PART), f.continuation "ment", f.close(1000) }, { "text:fragment", "close:1000" })
    case({ f.binary(BYTES, PART), f.continuation(BYTES), f.close(1000) },
      { "binary:" .. BYTES .. BYTES, "close:1000" })
  end)
  it("empty ones are fine", function()
    case({ f.text("", PART), f.continuation("", PART), f.continuation "", f.close(1000) },
      { "text:", "close:1000" })
    case({ f.text("", PART), f.continuation("mid", PART), f.continuation "", f.close(1000) },
      { "text:mid", "close:1000" })
  end)
  it("a ping in between is answered first", function()
    case({ f.text("frag", PART), f.ping "ping", f.continuation "ment", f.close(1000) },
      { "pong:ping", "text:fragment", "close:1000" })
  end)
  it("a continuation needs something to continue", function()
    for _, fin in ipairs { true, false } do
      case({ f.continuation("x", { fin = fin }), f.text "hello" }, { "close:1002" })
      case({ f.text "whole", f.continuation("x", { fin = fin }) }, { "text:whole", "close:1002" })
      case({ f.text("frag", PART), f.continuation "ment", f.continuation("x", { fin = fin }), f.text "y" },
        { "text:fragment", "close:1002" })
    end
  end)
  it("a message does not begin inside of another", function()
    case({ f.text("a", PART), f.text "b" }, { "close:1002" })
    case({ f.text("a", PART), f.binary("b", PART) }, { "close:1002" })
    case({ f.binary("a", PART), f.text "" }, { "close:1002" })
  end)
  it("five, with pings among them, make one message", function()
    case({
      f.text("1", PART), f.continuation("2", PART), f.ping "a", f.continuation("3", PART),
      f.continuation("4", PART), f.ping "b", f.continuation "5", f.close(1000),
    }, { "pong:a", "pong:b", "text:12345", "close:1000" })
  end)
end)

describe("frames that are malformed end it:", function()
  it("masked by a server, or not masked by a client", function()
    for role, mask in pairs { server = false, client = true } do
      local answers, e = support.converse(role, { f.text("x", { mask = mask }) })
      assert.are.same({ "close:1002" }, answers)
      assert.are.equal("EPROTO", e.code)
      answers = support.converse(role, { f.ping("", { mask = mask }) })
      assert.are.same({ "close:1002" }, answers)
    end
  end)
  it("with a length in a longer form than it needs", function()
    case({ f.binary("x", { size = 2 }) }, { "close:1002" })
    case({ f.binary("x", { size = 8 }) }, { "close:1002" })
    case({ f.binary(("x"):rep(300), { size = 8 }) }, { "close:1002" })
  end)
  it("with a length of 2^63 or more", function()
    case({ f.binary("x", { size = 8, length = math.mininteger }) }, { "close:1002" })
  end)
end)
