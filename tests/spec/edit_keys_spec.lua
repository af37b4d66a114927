--- What a terminal sends, as keys.

local keys = require "lull.repl.edit.keys"

--- The keys of some bytes, as one line: text in quotes.
local function shown(list)
  local names <const> = {}
  for _, event in ipairs(list) do
    names[#names + 1] = event.text and ("%s:%s"):format(event.key, event.text) or event.key
  end
  return table.concat(names, " ")
end

--- Expect these keys, for the bytes at once and for each of them alone.
local function sends(expected, bytes)
  assert.equal(expected, shown(keys.new(1000):feed(bytes)))
  local parser <const>, list <const> = keys.new(1000), {}
  for byte in bytes:gmatch "." do
    for _, event in ipairs(parser:feed(byte)) do
      local last <const> = list[#list]
      if event.key == "text" and last and last.key == "text" then
        last.text = last.text .. event.text
      else
        list[#list + 1] = event
      end
    end
  end
  assert.equal(expected, shown(list))
  assert.is_false(parser:waiting())
end

describe("keys", function()
  it("are text, in one piece", function()
    sends("text:a b", "a b")
    sends("text:aé日😀", "aé日😀")
  end)

  it("are control characters by name", function()
    sends("ctrl-a ctrl-z ctrl-_ ctrl-space", "\1\26\31\0")
    sends("enter enter tab backspace backspace", "\r\n\t\8\127")
    sends("text:a enter text:b", "a\rb")
  end)

  it("are sequences of different terminals", function()
    sends("up down right left home end", "\27[A\27[B\27[C\27[D\27[H\27[F")
    sends("up down right left home end", "\27OA\27OB\27OC\27OD\27OH\27OF")
    sends("home insert delete end pageup pagedown home end",
      "\27[1~\27[2~\27[3~\27[4~\27[5~\27[6~\27[7~\27[8~")
    sends("shift-tab", "\27[Z")
  end)

  it("have modifiers", function()
    sends("ctrl-right ctrl-left alt-left shift-up ctrl-delete", "\27[1;5C\27[1;5D\27[1;3D\27[1;2A\27[3;5~")
    sends("ctrl-right ctrl-left ctrl-delete", "\27Oc\27Od\27[3^")
    sends("alt-b alt-f alt-backspace alt-enter alt-up", "\27b\27f\27\127\27\r\27\27[A")
    sends("alt-enter shift-enter shift-enter", "\27[13;3u\27[13;2u\27[27;2;13~")
    sends("ctrl-r alt-x ctrl-left", "\27[114;5u\27[120;3u\27O5D")
  end)

  it("are not what is unknown, or an answer", function()
    sends("text:a", "\27[99~a")
    sends("text:a", "\27[?1;2c\27[12;40R\27[[Aa")
    sends("text:a", "\27]11;rgb:0/0/0\7a")
    sends("text:a", "\27]11;rgb:0/0/0\27\\a")
    sends("text:a", "\27[I\27[Oa")
    sends("text:a", "\27P1$r0m\27\\a")
  end)

  it("go on after a sequence that is broken off", function()
    assert.equal("enter", shown(keys.new(10):feed "\27[1\r"))
    assert.equal("up text:a", shown(keys.new(10):feed "\27[1;\27[Aa"))
    local parser <const> = keys.new(10)
    parser:feed("\27[" .. ("1"):rep(500))
    assert.is_true(#parser.rest < 100)
    parser:feed("\27]" .. ("1"):rep(10000))
    assert.is_true(#parser.rest < 5000)
  end)

  it("are Esc when nothing follows", function()
    local parser <const> = keys.new(10)
    assert.equal("", shown(parser:feed "\27"))
    assert.is_true(parser:waiting())
    assert.equal("escape", shown(parser:settle()))
    assert.is_false(parser:waiting())
    parser:feed "\27["
    assert.equal("alt-[", shown(parser:settle()))
    parser:feed "\27[1;"
    assert.equal("", shown(parser:settle()))
    assert.equal("text:a", shown(parser:feed "a"))
  end)

  it("keep bytes that are no UTF-8", function()
    sends("text:\xFFa\xC3(", "\xFFa\xC3(")
    local parser <const> = keys.new(10)
    assert.equal("", shown(parser:feed "\xE6\x97"))
    assert.equal("text:\xE6\x97", shown(parser:settle()))
    assert.equal("text:\xE6\x97 enter", shown(keys.new(10):feed "\xE6\x97\r"))
  end)

  it("are what is pasted, as it is", function()
    sends("paste:a\nb\27[A\3 text:c", "\27[200~a\nb\27[A\3\27[201~c")
    sends("paste: enter", "\27[200~\27[201~\r")
  end)

  it("are no more of what is pasted than there may be", function()
    local parser <const> = keys.new(5)
    local list <const> = parser:feed "\27[200~123456"
    assert.equal(0, #list)
    local event <const> = parser:feed("789\27[201~")[1]
    assert.equal("12345", event.text)
    assert.equal(4, event.lost)
  end)
end)
