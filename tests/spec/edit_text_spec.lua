--- Editing: what keys do to the text.

local here <const> = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local support <const> = dofile(here .. "support_edit.lua")
local sync = require "lull.sync"
local edits <const>, session <const> = support.edits, support.session

local LEFT <const>, RIGHT <const>, UP <const>, DOWN <const> = "\27[D", "\27[C", "\27[A", "\27[B"

describe("the cursor", function()
  it("moves by characters", function()
    edits("ab|c", "abc\27[D")
    edits("a|bc", "abc\2\2")
    edits("ab|c", "abc\2\2\6")
    edits("|abc", "abc\27[D\27[D\27[D\27[D")
    edits("abc|", "abc" .. RIGHT)
  end)

  it("moves over wide and combined characters as one, and over single bytes", function()
    edits("日|本", "日本" .. LEFT)
    edits("e|e\u{301}\u{302}", "ee\u{301}\u{302}" .. LEFT)
    edits("e\u{301}|e", "e\u{301}e\1" .. RIGHT)
    edits("|👩\u{200D}💻", "👩\u{200D}💻" .. LEFT)
    edits("\xFF|\xFE", "\xFF\xFE" .. LEFT)
  end)

  it("moves over the two letters of a flag as one", function()
    local fr <const>, jp <const> = "\u{1F1EB}\u{1F1F7}", "\u{1F1EF}\u{1F1F5}"
    edits("a" .. fr .. "|" .. jp, "a" .. fr .. jp .. LEFT)
    edits("a|" .. fr .. jp, "a" .. fr .. jp .. LEFT .. LEFT)
    edits("a" .. fr .. "|" .. jp, "a" .. fr .. jp .. "\1" .. RIGHT .. RIGHT)
    edits(fr .. "|", fr .. jp .. "\127")
    edits(fr .. "|\u{1F1EF}", fr .. "\u{1F1EF}" .. LEFT)
    edits("|\u{1F1EF}é", "\u{1F1EF}é" .. LEFT .. LEFT)
    edits("\u{1F1EF}|\xF0", "\u{1F1EF}\xF0" .. LEFT)
    edits(fr:rep(200) .. "|" .. jp, fr:rep(200) .. jp .. LEFT)
  end)

  it("goes to the ends of the line, and of the text", function()
    edits("|abc", "abc\1")
    edits("abc|", "abc\1\5")
    edits("|abc", "abc\27[H")
    edits("abc|", "abc\1\27[F")
    edits("ab\n|cd", "ab\27\rcd\1")
    edits("|ab\ncd", "ab\27\rcd\27[1;5H")
  end)

  it("moves by words", function()
    edits("a.b |c_d", "a.b c_d\27b")
    edits("a.|b c_d", "a.b c_d\27b\27[1;5D")
    edits("a|.b c_d", "a.b c_d\1\27f")
    edits("a.b| c_d", "a.b c_d\1\27f\27[1;5C")
    edits("|größe", "größe\27b")
  end)

  it("moves up and down between lines, in its column", function()
    edits("ab|c\nd\nefg", "abc\27\rd\27\refg\27[D" .. UP .. UP)
    edits("abc\nd|\nefg", "abc\27\rd\27\refg\27[D" .. UP)
    edits("abc\nd\nef|g", "abc\27\rd\27\refg\27[D" .. UP .. UP .. DOWN .. DOWN)
    edits("日本|\nabcd", "日本\27\rabcd" .. UP)
    edits("日|本\nabc", "日本\27\rabc" .. UP)
  end)
end)

describe("deleting", function()
  it("takes whole characters", function()
    edits("a|", "ae\u{301}\127")
    edits("a|", "a日\8")
    edits("|b", "ab\1\27[3~")
    edits("|b", "ab\1\4")
    edits("\xFF|", "\xFF\xFE\127")
    edits("|", "\127\127")
  end)

  it("takes an indentation at once", function()
    edits("a\n|", "a\27\r    \127\127")
    edits("a\n   x|", "a\27\r   xy\127")
  end)
end)

describe("killing and yanking", function()
  it("is to the ends of the line", function()
    edits("ab|", "abcd\2\2\11")
    edits("|cd", "abcd\2\2\21")
    edits("cdab|", "abcd\2\2\21\5\25")
    edits("ab|cd", "ab\27\rcd\27[A\5\11")
  end)

  it("is by words", function()
    edits("a |", "a b.c\23")
    edits("a b.|", "a b.c\27\127")
    edits("a| c", "a b c\2\2\2\2\27d")
  end)

  it("joins kills in a row", function()
    edits("|", "a b c\23\23\23")
    edits("a b c|", "a b c\23\23\23\25")
    edits("a b c|", "a b c\1\27d\27d\27d\25")
  end)

  it("yanks older kills in their place", function()
    edits("one|", "one\21two\21\25\27y")
    edits("two|", "one\21two\21\25\27y\27y")
    edits("xtwo|", "one\21two\21x\25")
    edits("x|", "x\25\27y")
  end)

  it("keeps kills for the next line", function()
    session({}, function(s)
      s:type "abc\21\r"
      s:read()
      s:type "\25\r"
      assert.equal("abc", s:result())
    end)
  end)
end)

describe("undoing", function()
  it("goes back by words, and forward again", function()
    edits("one|", { "o", "n", "e", " ", "t", "w", "o", "\31" })
    edits("|", { "o", "n", "e", " ", "t", "w", "o", "\31", "\31", "\31" })
    edits("one two|", { "o", "n", "e", " ", "t", "w", "o", "\31", "\31", "\27/", "\27/" })
  end)

  it("takes back kills, yanks and what was pasted", function()
    edits("a b|", "a b\23\31")
    edits("a|", "a\27[200~xx\nyy\27[201~\31")
    edits("|abc", "abc\1\4\4\31")
  end)

  it("has a bound", function()
    edits("|", ("a\1\11"):rep(2000) .. ("\31"):rep(3000))
  end)
end)

describe("changing", function()
  it("exchanges characters", function()
    edits("acb|", "abc\20")
    edits("ba|c", "abc\1\27[C\20")
    edits("|abc", "abc\1\20")
    edits("本日|", "日本\20")
  end)

  it("changes the case of words", function()
    edits("ab CD|", "ab cd\2\2\27u")
    edits("Ab| cd", "ab cd\1\27c")
    edits("ab| CD", "AB CD\1\27l")
  end)
end)

describe("lines", function()
  local lua <const> = { is_complete = support.is_complete }

  it("are added until the text is complete", function()
    session(lua, function(s)
      s:type("if x then\r", "y()\r", "end", "\r")
      assert.equal("if x then\n  y()\n  end", s:result())
    end)
  end)

  it("are added by Alt-Enter always", function()
    session(lua, function(s)
      s:type "x = 1\27\ry = 2\r"
      assert.equal("x = 1\ny = 2", s:result())
    end)
  end)

  it("are indented, and an end goes back", function()
    edits("for a in b do\n  |", "for a in b do\r", lua)
    edits("for a in b do\n  c()\n  |", { "for a in b do\r", "c()\r" }, lua)
    edits("f(function(a, b)\n  c()\nend|", { "f(function(a, b)\r", "c()\r", "e", "n", "d" }, lua)
    edits("if a then\n  b()\nelse\n  |", { "if a then\r", "b()\r", "e", "l", "s", "e", "\r" }, lua)
    edits("a = {\n  1,\n}|", { "a = {\r", "1,\r", "}" }, lua)
  end)

  it("are not indented when more is on its way, or nobody wants it", function()
    edits("if a then\nb()\n|", "if a then\rb()\r", { is_complete = support.is_complete })
    edits("if a then\n|", "if a then\r", { is_complete = support.is_complete, indent = false })
  end)

  it("are complete where a function of the host fails", function()
    session({ is_complete = function() error "broken" end }, function(s)
      s:type "a\r"
      assert.equal("a", s:result())
    end)
  end)
end)

describe("what is pasted", function()
  it("may have lines, which are not the end", function()
    edits("a\nb\nc|", "\27[200~a\r\nb\rc\27[201~")
    edits("xa\tby|", "x\27[200~a\tb\27[201~y")
  end)

  it("keeps every byte", function()
    session({}, function(s)
      s:type "\27[200~\0\1\27[A\xFF\127\27[201~\r"
      assert.equal("\0\1\27[A\xFF\127", s:result())
    end)
  end)

  it("is cut where it is too long, which is said", function()
    session({ max_text = 10 }, function(s)
      s:type("12345", "\27[200~6789012345\27[201~")
      assert.equal("> 1234567890\nthe text may have 10 bytes; 5 were left", s:text():sub(1, 52))
      s:type("x", "\r")
      assert.equal("1234567890", s:result())
    end)
  end)
end)

describe("a reading", function()
  it("ends with Ctrl-D on an empty line", function()
    session({}, function(s)
      s:type "a\4"
      assert.equal("pending", select(2, s:result()))
      s:type "\127\4"
      assert.same({ nil, "end" }, { s:result() })
    end)
  end)

  it("ends with the input", function()
    session({}, function(s)
      s:type(false)
      assert.same({ nil, "end" }, { s:result() })
      assert.is_false(s.terminal.is_raw)
    end)
  end)

  it("is interrupted by Ctrl-C on an empty line, with a text that is given up", function()
    session({}, function(s)
      s:type "abc\3"
      assert.equal("> abc^C\n>", s:text())
      s:type "\3"
      assert.same({ nil, "interrupt" }, { s:result() })
      assert.equal("> abc^C\n> ^C", s:text())
    end)
  end)

  it("keeps what was typed ahead for the next", function()
    session({}, function(s)
      s:type "one\rtwo\rthr"
      assert.equal("one", s:result())
      s:read()
      assert.equal("two", s:result())
      s:read()
      s:type "ee\r"
      assert.equal("three", s:result())
    end)
  end)

  it("is one at a time", function()
    session({}, function(s)
      local ok <const>, err <const> = pcall(s.editor.read, s.editor, "> ")
      assert.is_false(ok)
      assert.equal("busy", err.kind)
    end)
  end)

  it("may be cancelled, and leaves the terminal as it was", function()
    session({}, function(s)
      s:type "abc"
      assert.is_true(s.terminal.is_raw)
      assert.is_true(s.screen.modes["?2004"])
      s.task:cancel()
      s.task:join()
      assert.is_false(s.terminal.is_raw)
      assert.is_nil(s.screen.modes["?2004"])
      assert.same({ 2, 1 }, { s.screen:cursor() })
      s:read()
      s:type "x\r"
      assert.equal("x", s:result())
    end)
  end)

  it("may be cancelled where the terminal takes nothing more", function()
    session({}, function(s)
      s:type "abc"
      s.terminal.slow = sync.event()
      s.task:cancel()
      s.task:join()
      assert.equal("cancelled", s.task:status())
      assert.is_false(s.terminal.is_raw)
      assert.is_nil(s.editor.view)
    end)
  end)
end)
