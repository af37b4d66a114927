--- What the editor finds: in the history, and for completion.

local here <const> = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local lull = require "lull"
local support <const> = dofile(here .. "support_edit.lua")
local session <const> = support.session

local UP <const>, DOWN <const>, RIGHT <const>, TAB <const>, SHIFT_TAB <const> =
  "\27[A", "\27[B", "\27[C", "\t", "\27[Z"
local ENTRIES <const> = { "print(1)", "local x = 2", "for i = 1, 3 do\n  print(i)\nend", "x = 4" }

--- A session with these entries.
local function past(fn, entries)
  session({ history = entries or ENTRIES, rows = 8 }, fn)
end

describe("the history", function()
  it("is walked through, and back to the new text", function()
    past(function(s)
      s:type("new", UP)
      assert.equal("> x = 4", s:text())
      s:type(DOWN)
      assert.equal("> new", s:text())
      s:type(DOWN)
      assert.equal("> new", s:text())
    end)
  end)

  it("is walked through line by line in entries that have several", function()
    past(function(s)
      s:type(UP, UP)
      assert.equal("> for i = 1, 3 do\n.   print(i)\n. end", s:text())
      s:type(UP, UP)
      assert.same({ 1, 6 }, { s.screen:cursor() })
      s:type(UP)
      assert.equal("> local x = 2", s:text())
      s:type(UP, UP, UP)
      assert.equal("> print(1)", s:text())
    end)
  end)

  it("keeps what was changed on the way, for this line", function()
    past(function(s)
      s:type(UP, "5", UP, DOWN, "\r")
      assert.equal("x = 45", s:result())
      s:read()
      s:type(UP)
      assert.equal("> x = 45\n> x = 4", s:text())
    end)
  end)

  it("has what begins alike", function()
    past(function(s)
      s:type("x", "\27[5~")
      assert.equal("> x = 4", s:text())
      s:type("\27[6~")
      assert.equal("x", s.editor.buffer.text)
      s:type("\127pr", "\27p", "\r")
      assert.equal("print(1)", s:result())
    end)
  end)

  it("has ends", function()
    past(function(s)
      s:type("\27<")
      assert.equal("> print(1)", s:text())
      s:type("\27>")
      assert.equal(">", s:text())
    end)
  end)

  it("may be empty", function()
    past(function(s)
      s:type("a", UP, DOWN, "\27<", "\27[5~", "\r")
      assert.equal("a", s:result())
    end, {})
  end)
end)

describe("the hint", function()
  it("is what the newest entry adds to the text", function()
    past(function(s)
      s:type "lo"
      assert.equal("> local x = 2", s:text())
      assert.equal("cal x = 2", s.screen:styled(1, "2"))
      s:type "x"
      assert.equal("> lox", s:text())
    end)
  end)

  it("is not part of the text, unless it is taken", function()
    past(function(s)
      s:type("lo", "\r")
      assert.equal("lo", s:result())
      assert.equal("> lo", s:text())
      for _, key in ipairs { RIGHT, "\27[F", "\5", "\6" } do
        s:read()
        s:type("lo", key, "\r")
        assert.equal("local x = 2", s:result())
      end
    end)
  end)

  it("is taken by words, too", function()
    past(function(s)
      s:type("lo", "\27f", "\27[1;5C", "\r")
      assert.equal("local x", s:result())
    end)
  end)

  it("shows one line, and is cut to the row", function()
    session({ history = { "abc\ndef", "lm" .. ("n"):rep(50) }, columns = 20 }, function(s)
      s:type "a"
      assert.equal("> abc ...", s:text())
      s:type(RIGHT)
      assert.equal("> abc\n. def", s:text())
      s:type("\3", "l")
      assert.equal("> lmnnnnnnnnnnnnnnn…", s:text():match "[^\n]*$")
    end)
  end)
end)

describe("the search", function()
  it("finds while it is typed, and goes further back", function()
    past(function(s)
      s:type("\18", "p")
      assert.equal("(reverse-search)`p': for i = 1, 3 do\n.   print(i)\n. end", s:text())
      assert.equal("p", s.screen:styled(2, "7"))
      s:type "\18"
      assert.equal("(reverse-search)`p': print(1)", s:text())
      s:type "\19"
      assert.equal("(forward-search)`p': for i = 1, 3 do\n.   print(i)\n. end", s:text())
    end)
  end)

  it("takes what it has found with Enter", function()
    past(function(s)
      s:type("\18", "2", "\r")
      assert.equal("local x = 2", s:result())
      assert.equal("> local x = 2", s:text())
    end)
  end)

  it("gives what it has found to other keys, and the history goes on from there", function()
    past(function(s)
      s:type("\18", "loc", "\5", "!")
      assert.equal("> local x = 2!", s:text())
      s:type(UP)
      assert.equal("> print(1)", s:text())
    end)
  end)

  it("is left by Ctrl-G and Esc, with the text that was there", function()
    past(function(s)
      s:type("abc", "\18", "loc", "\7")
      assert.equal("> abc", s:text())
      s:type("\18", "loc", "\27")
      lull.sleep(1)
      assert.equal("> abc", s:text())
      s:type("d\r")
      assert.equal("abcd", s:result())
    end)
  end)

  it("says when there is nothing, and Backspace goes back", function()
    past(function(s)
      s:type("\18", "x", "q")
      assert.equal("(failing reverse-search)`xq': x = 4", s:text())
      s:type "\127"
      assert.equal("(reverse-search)`x': x = 4", s:text())
      s:type("\18", "\18")
      assert.equal("(failing reverse-search)`x': local x = 2", s:text())
      s:type("\127\127\127\127\127\127")
      assert.equal("(reverse-search)`':", s:text())
    end)
  end)

  it("looks again for what it looked for last", function()
    past(function(s)
      s:type("\18", "loc", "\7", "\18", "\18")
      assert.equal("(reverse-search)`loc': local x = 2", s:text())
    end)
  end)

  it("cares for capitals only when there is one", function()
    past(function(s)
      s:type("\18", "abc")
      assert.equal("(reverse-search)`abc': aBc", s:text())
      s:type("\7", "\18", "aBC")
      assert.equal("(failing reverse-search)`aBC':", s:text())
    end, { "aBc" })
  end)
end)

--- Completes words from a list.
local function words(...)
  local list <const> = { ... }
  return function(text, position)
    local word <const> = text:sub(1, position):match "[%w_\x80-\xFF]*$"
    local candidates <const> = {}
    for _, each in ipairs(list) do
      if each:sub(1, #word) == word then candidates[#candidates + 1] = { text = each } end
    end
    return position - #word + 1, candidates
  end
end

local function completes(fn, ...)
  session({ complete = words(...), rows = 6 }, fn)
end

describe("completion", function()
  it("completes what is the only one", function()
    completes(function(s)
      s:type("x = pr" .. TAB .. "(")
      assert.equal("> x = print(", s:text())
    end, "print", "pcall")
  end)

  it("completes in the middle", function()
    completes(function(s)
      s:type("pr + 1", "\27[D\27[D\27[D\27[D", TAB)
      assert.equal("> print + 1", s:text())
    end, "print")
  end)

  it("first completes what all have in common, whole characters of it", function()
    completes(function(s)
      s:type("a" .. TAB)
      assert.equal("> abc_", s:text())
    end, "abc_é", "abc_è")
  end)

  it("completes no more than all have in common that are not offered, too", function()
    local function offers(common, ...)
      local list <const> = { ... }
      return { complete = function() return 1, list, common end }
    end
    session(offers("key", { text = "key10" }, { text = "key11" }), function(s)
      s:type("k" .. TAB)
      assert.equal("> key", s:text())
      s:type(TAB)
      assert.equal("> key\nkey10  key11", s:text())
    end)
    session(offers("", { text = "key10" }), function(s)
      s:type("k" .. TAB)
      assert.equal("> k\nkey10", s:text())
      s:type(TAB)
      assert.equal("> key10\nkey10", s:text())
    end)
  end)

  it("then shows a menu, which is walked through", function()
    completes(function(s)
      s:type("ab" .. TAB)
      assert.equal("> ab\nabc  abd  abe", s:text())
      assert.same({ 1, 5 }, { s.screen:cursor() })
      s:type(TAB)
      assert.equal("> abc\nabc  abd  abe", s:text())
      assert.equal("abc", s.screen:styled(2, "7"))
      s:type(TAB, TAB)
      assert.equal("> abe\nabc  abd  abe", s:text())
      s:type(TAB, SHIFT_TAB, SHIFT_TAB)
      assert.equal("> abd\nabc  abd  abe", s:text())
      s:type " x"
      assert.equal("> abd x", s:text())
      s:type "\31\31"
      assert.equal("> ab", s:text())
    end, "abc", "abd", "abe")
  end)

  it("keeps the one that is chosen on Enter, and is not done", function()
    completes(function(s)
      s:type("ab" .. TAB .. SHIFT_TAB .. "\r")
      assert.equal("> abd", s:text())
      s:type "\r"
      assert.equal("abd", s:result())
    end, "abc", "abd")
  end)

  it("puts back what was on Esc", function()
    completes(function(s)
      s:type("ab" .. TAB .. TAB, "\27")
      lull.sleep(1)
      assert.equal("> ab", s:text())
    end, "abc", "abd")
  end)

  it("follows what is typed", function()
    completes(function(s)
      s:type("a" .. TAB, "b")
      assert.equal("> ab\nabc  abd", s:text())
      s:type "\127"
      assert.equal("> a\nabc  abd  acd", s:text())
      s:type "x"
      assert.equal("> ax", s:text())
    end, "abc", "abd", "acd")
  end)

  it("has columns, and moves in them", function()
    local list <const> = {}
    for i = 1, 12 do list[i] = ("item%02d"):format(i) end
    completes(function(s)
      s:type("item" .. TAB, TAB)
      assert.equal("> item01\nitem01  item04  item07  item10\nitem02  item05  item08  item11\n"
        .. "item03  item06  item09  item12", s:text())
      s:type(RIGHT, DOWN)
      assert.equal("> item05", s:text():match "^[^\n]*")
      s:type("\27[D", UP, UP)
      assert.equal("> item12", s:text():match "^[^\n]*")
    end, table.unpack(list))
  end)

  it("cuts long lists, and turns the page", function()
    local list <const> = {}
    for i = 1, 100 do list[i] = ("item%03d"):format(i) end
    completes(function(s)
      s:type("item" .. TAB)
      assert.equal("item001  item005  item009  item013", s:text():match "\n([^\n]*)")
      assert.equal("... and 84 more", s:text():match "[^\n]*$")
      s:type(SHIFT_TAB)
      assert.equal("item097", s:text():match "\n([^\n]*)")
      assert.equal("(100 of 100)", s:text():match "[^\n]*$")
    end, table.unpack(list))
  end)

  it("shows notes", function()
    session({ complete = function() return 1, { { text = "ab", note = "function" }, { text = "ac" } } end }, function(s)
      s:type("a" .. TAB)
      assert.equal("> a\nab function  ac", s:text())
    end)
  end)

  it("says when it fails, until the next key", function()
    session({ complete = function() error("broken", 0) end }, function(s)
      s:type("a" .. TAB)
      assert.equal("> a\ncompletion: broken", s:text())
      s:type "b"
      assert.equal("> ab", s:text())
    end)
  end)

  it("refuses what are no candidates", function()
    for _, wrong in ipairs { { 9, { { text = "a" } } }, { 1, { "a" } }, { 1 }, { 1.5, {} }, { 1, {}, 1 } } do
      session({ complete = function() return table.unpack(wrong) end }, function(s)
        s:type("a" .. TAB)
        assert.equal("> a\ncompletion: these are no candidates", s:text())
      end)
    end
  end)

  it("does nothing where there is nothing, and indents at the start of a line", function()
    completes(function(s)
      s:type("zz" .. TAB)
      assert.equal("> zz", s:text())
      s:type("\21" .. TAB .. "x")
      assert.equal(">   x", s:text())
    end, "abc")
  end)
end)
