--- websocket_text_spec.lua: text is UTF-8, and what is not is found at once.
---
--- Group 6 of the public Autobahn test suite, restated.

local testing = require "lull.testing"
local here = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local support = dofile(here .. "support_ws.lua")
local f, case = support.f, support.check_case

local KOSME <const> = "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5"
local PART <const> = { fin = false }

--- Frames that bring a text in pieces of n bytes.
local function pieces(text, n)
  local list = {}
  for i = 1, math.max(#text, 1), n do
    local make = i == 1 and f.text or f.continuation
    list[#list + 1] = make(text:sub(i, i + n - 1), { fin = i + n > #text })
  end
  return list
end

local function with_close(list)
  list[#list + 1] = f.close(1000)
  return list
end

local VALID <const> = {
  ["one byte"] = "\0\1 ~\x7f",
  ["two bytes, first and last"] = "\xc2\x80\xdf\xbf",
  ["three bytes, first and last"] = "\xe0\xa0\x80\xef\xbf\xbf",
  ["around the surrogates"] = "\xed\x9f\xbf\xee\x80\x80",
  ["the replacement character"] = "\xef\xbf\xbd",
  ["four bytes, first and last"] = "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf",
  ["noncharacters"] = "\xef\xbf\xbe\xef\xbf\xbf\xf0\x9f\xbf\xbe\xf4\x8f\xbf\xbe",
  ["Greek"] = KOSME,
  ["long, with ASCII between"] = ("abcdefgh" .. KOSME):rep(50) .. "tail",
}

local INVALID <const> = {
  ["a lone continuation, first"] = "\x80",
  ["a lone continuation, last"] = "\xbf",
  ["many continuations"] = "\x80\xbf\x80\xbf\x80\xbf",
  ["a start without the rest"] = "\xc3 ",
  ["starts of two bytes"] = "\xc0 \xc1 \xc2 \xdf ",
  ["starts of three bytes"] = "\xe0 \xe1 \xef ",
  ["starts of four bytes"] = "\xf0 \xf1 \xf4 ",
  ["starts of five and six bytes"] = "\xf8 \xfc ",
  ["a cut sequence of three"] = "\xe0\xa0",
  ["a cut sequence of four"] = "\xf0\x90\x80",
  ["FE and FF"] = "\xfe\xfe\xff\xff",
  ["an overlong slash of two"] = "\xc0\xaf",
  ["an overlong slash of three"] = "\xe0\x80\xaf",
  ["an overlong slash of four"] = "\xf0\x80\x80\xaf",
  ["the longest overlong of two"] = "\xc1\xbf",
  ["the longest overlong of three"] = "\xe0\x9f\xbf",
  ["the longest overlong of four"] = "\xf0\x8f\xbf\xbf",
  ["an overlong NUL"] = "\xc0\x80",
  ["the first surrogate"] = "\xed\xa0\x80",
  ["the last surrogate"] = "\xed\xbf\xbf",
  ["a pair of surrogates"] = "\xed\xa0\x80\xed\xb0\x80",
  ["above U+10FFFF"] = "\xf4\x90\x80\x80",
  ["five bytes"] = "\xf8\x88\x80\x80\x80",
  ["six bytes"] = "\xfc\x84\x80\x80\x80\x80",
  ["in the middle of Greek"] = KOSME .. "\xed\xa0\x80edited",
  ["behind long ASCII"] = ("x"):rep(1000) .. "\xff" .. ("x"):rep(100),
}

describe("6: text that is UTF-8 is taken:", function()
  for title, text in pairs(VALID) do
    it(title, function()
      case({ f.text(text), f.close(1000) }, { "text:" .. text, "close:1000" })
      for _, n in ipairs { 1, 2, 3 } do
        case(with_close(pieces(text, n)), { "text:" .. text, "close:1000" })
      end
    end)
  end
  it("empty, in one frame or three", function()
    case({ f.text "", f.close(1000) }, { "text:", "close:1000" })
    case({ f.text("", PART), f.continuation("", PART), f.continuation "", f.close(1000) },
      { "text:", "close:1000" })
  end)
end)

describe("6: text that is no UTF-8 ends it with 1007:", function()
  for title, text in pairs(INVALID) do
    it(title, function()
      case({ f.text(text) }, { "close:1007" })
      case(pieces(text, 1), { "close:1007" })
      case({ f.text("before\xce", PART), f.continuation "\xba", f.text(text) },
        { "text:before\xce\xba", "close:1007" })
    end)
  end
  it("but as binary it is as good as any", function()
    for _, bytes in pairs(INVALID) do
      case({ f.binary(bytes), f.close(1000) }, { "binary:" .. bytes, "close:1000" })
    end
  end)
end)

describe("6.4: what is wrong is found before the message is there:", function()
  local function found_early(bytes)
    for _, role in ipairs { "server", "client" } do
      local sock, far, _ <close> = support.raw(role)
      local receiving = support.go(sock.recv, sock)
      far:write(bytes(role == "server"))
      assert.are.same({ "close:1007" }, support.answers(far))
      far:close()
      assert.are.equal("failed", receiving:join())
    end
  end

  it("in a fragment that others are to follow", function()
    found_early(function(mask)
      return support.frame(f.text(KOSME .. "\xf4\x90", { fin = false, mask = mask }))
    end)
  end)
  it("in the second fragment", function()
    found_early(function(mask)
      return support.frame(f.text(KOSME .. "\xf4", { fin = false, mask = mask }))
        .. support.frame(f.continuation("\x90", { fin = false, mask = mask }))
    end)
  end)
  it("in a frame of which only the beginning is there", function()
    found_early(function(mask)
      return support.frame(f.text(KOSME .. "\xed\xa0", { length = 4000, mask = mask }))
    end)
  end)
end)

describe("text that is sent", function()
  it("is checked before anything happens", function()
    local sock, far, _ <close> = support.raw "server"
    for _, text in pairs(INVALID) do support.misuse(sock.send, sock, text) end
    sock:send "fine"
    assert.are.equal("fine", support.read_frame(far).payload)
  end)
  it("is a string", function()
    local sock, _, _ <close> = support.raw "client"
    for _, wrong in ipairs { 1, true, {} } do
      support.misuse(sock.send, sock, wrong)
      support.misuse(sock.send_binary, sock, wrong)
    end
    support.misuse(sock.send, sock)
  end)
  it("is any text that there is", function()
    local sock, far, _ <close> = support.raw "client"
    for _, text in pairs(VALID) do
      sock:send(text)
      local frame = support.read_frame(far)
      assert.are.equal(text, frame.payload)
      assert.are.equal(1, frame.opcode)
      assert.are.equal(4, #frame.mask)
    end
    testing.settle()
  end)
end)
