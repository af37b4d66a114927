--- What is on the screen while a text is edited, and how little is written for it.

local here <const> = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local lull = require "lull"
local support <const> = dofile(here .. "support_edit.lua")
local sync = require "lull.sync"
local testing = require "lull.testing"
local session <const> = support.session

local LEFT <const>, RIGHT <const>, UP <const> = "\27[D", "\27[C", "\27[A"

--- Colours for words of a text.
local function highlight(text)
  local list <const> = {}
  for first, last in text:gmatch "()%f[%w]local%f[%W]()" do list[#list + 1] = { first, last - 1, "blue" } end
  return list
end

describe("the screen", function()
  it("shows prompt and text, and where the cursor is", function()
    session({}, function(s)
      s:type("ab", LEFT)
      assert.equal("> ab", s:text())
      assert.same({ 1, 4 }, { s.screen:cursor() })
    end)
  end)

  it("shows lines behind the second prompt", function()
    session({ prompt2 = ".. " }, function(s)
      s:type "a\27\rb\27\r"
      assert.equal("> a\n.. b\n..", s:text())
      assert.same({ 3, 4 }, { s.screen:cursor() })
    end)
  end)

  it("has dots for a second prompt where there is none", function()
    testing.virtual_time(function()
      local editor <const> = require "lull.repl.edit.editor"
      assert.equal("... ", editor.default_prompt2 "\27[1mabc\27[0m ")
      assert.equal(". ", editor.default_prompt2 "x\n> ")
    end)
  end)

  it("begins a row of its own behind what was printed without an end", function()
    session({ before = "output" }, function(s) assert.equal("output\n>", s:text()) end)
    session({ before = "output\r\n" }, function(s) assert.equal("output\n>", s:text()) end)
  end)

  it("wraps long lines", function()
    session({ columns = 10 }, function(s)
      s:type "abcdefgh"
      assert.equal("> abcdefgh", s:text())
      assert.same({ 2, 1 }, { s.screen:cursor() })
      s:type "ij"
      assert.equal("> abcdefgh\nij", s:text())
      s:type("\1")
      assert.same({ 1, 3 }, { s.screen:cursor() })
      s:type("X", "\127\127")
      assert.equal("> abcdefgh\nij", s:text())
      s:type("\5", "\127\127\127")
      assert.equal("> abcdefg", s:text())
    end)
  end)

  it("does not cut wide characters", function()
    session({ columns = 9 }, function(s)
      s:type "日本語日本"
      assert.equal("> 日本語\n日本", s:text())
      assert.same({ 2, 5 }, { s.screen:cursor() })
      s:type(LEFT, LEFT, LEFT)
      assert.same({ 1, 7 }, { s.screen:cursor() })
    end)
  end)

  it("shows by name what would steer the terminal", function()
    session({ columns = 60 }, function(s)
      s:type "\27[200~\1\27\127\0\xFF\u{202E}\u{85}\27[201~e\u{301}"
      assert.equal("> ^A^[^?^@\\xFF<202E><0085>e\u{301}", s:text())
      assert.equal("^A^[^?^@\\xFF<202E><0085>", s.screen:styled(1, "7"))
    end)
  end)

  it("has colours, which follow what is typed", function()
    session({ highlight = highlight }, function(s)
      s:type "loca"
      assert.equal("", s.screen:styled(1, "34"))
      s:type "l x"
      assert.equal("local", s.screen:styled(1, "34"))
      s:type "\r"
      assert.equal("local", s.screen:styled(1, "34"))
    end)
  end)

  it("has no colours where there are none, or their function fails", function()
    session({ highlight = highlight, color = false }, function(s)
      s:type "local"
      assert.equal("", s.screen:styled(1, "34"))
    end)
    for _, broken in ipairs { function() error "broken" end, function() return { { 1 } } end, function() return 1 end } do
      session({ highlight = broken }, function(s)
        s:type "local\r"
        assert.equal("> local", s:text())
      end)
    end
  end)

  it("keeps the styles of the prompt", function()
    session({ prompt = "\27[1mlull\27[0m> ", columns = 20 }, function(s)
      s:type "a"
      assert.equal("lull> a", s:text())
      assert.equal("lull", s.screen:styled(1, "1"))
      assert.same({ 1, 8 }, { s.screen:cursor() })
    end)
  end)

  it("marks the bracket that matches", function()
    session({}, function(s)
      s:type "f('(', {1}"
      assert.equal("{", s.screen:styled(1, "1;4"))
      s:type ")"
      assert.equal("(", s.screen:styled(1, "1;4"))
      assert.equal(2 + 2, #s:text():match "^> f%(")
      s:type " "
      assert.equal("", s.screen:styled(1, "1;4"))
      s:type("\1", RIGHT)
      assert.equal(")", s.screen:styled(1, "1;4"))
      s:type "\r"
      assert.equal("", s.screen:styled(1, "1;4"))
    end)
  end)

  it("can be cleared", function()
    session({ before = "old\r\n" }, function(s)
      s:type("abc", "\12")
      assert.equal("> abc", s:text())
      assert.same({ 1, 6 }, { s.screen:cursor() })
    end)
  end)

  it("has a usual size where that is unknown", function()
    session({ unknown = true, columns = 80, rows = 24 }, function(s)
      s:type(("x"):rep(79))
      assert.equal("> " .. ("x"):rep(78) .. "\nx", s:text())
    end)
  end)
end)

describe("a key", function()
  it("is one write, of no more than has changed", function()
    session({ direct = true, highlight = highlight }, function(s)
      s:type "local x"
      local writes <const> = s.screen.writes
      s:type "y"
      assert.equal(writes + 1, s.screen.writes)
      assert.equal("y", s.screen.last)
      s:type(LEFT)
      assert.equal("\b", s.screen.last)
      s:type("\27[H", "\5")
      assert.equal("\27[11G", s.screen.last)
      s:type "\127"
      assert.equal("\b\27[K", s.screen.last)
    end)
  end)

  it("writes nothing when it changes nothing", function()
    session({ direct = true }, function(s)
      s:type "a"
      local writes <const> = s.screen.writes
      s:type(RIGHT, "\27[1;5Q")
      assert.equal(writes, s.screen.writes)
    end)
  end)

  it("does not write again what is behind it on the row, where that stays", function()
    session({ direct = true, history = { "abcdef" } }, function(s)
      s:type("a", "b")
      assert.equal("b", s.screen.last)
      assert.equal("> abcdef", s:text())
    end)
  end)
end)

describe("a text that is taller than the screen", function()
  local function fill(s)
    for i = 1, 8 do s:type(("line %d\27\r"):format(i)) end
    s:type "end"
  end

  it("is shown around the cursor", function()
    session({ rows = 5 }, function(s)
      fill(s)
      assert.equal(". line 5\n. line 6\n. line 7\n. line 8\n. end", s:text())
      s:type(UP, UP, UP, UP, UP, UP)
      assert.equal(". line 3\n. line 4\n. line 5\n. line 6\n. line 7", s:text())
      assert.same({ 1, 6 }, { s.screen:cursor() })
    end)
  end)

  it("is written whole when it is done", function()
    session({ rows = 5, before = "before\r\n" }, function(s)
      fill(s)
      s:type(UP, UP, "\r")
      local _, count <const> = s:text(true):gsub("line %d", "")
      assert.is_true(s:text(true):find("> line 1\n. line 2\n.*line 8\n. end$") ~= nil)
      assert.equal(8, count)
      assert.is_truthy(s:text(true):find "^before")
    end)
  end)
end)

describe("another size", function()
  it("breaks the rows anew", function()
    session({ columns = 20, before = "first\r\n" }, function(s)
      s:type "abcdefghijklmnopqrstuvwxyz"
      s:resize(10, 10)
      assert.equal("first\n> abcdefgh\nijklmnopqr\nstuvwxyz", s:text())
      s:resize(30, 10)
      assert.equal("first\n> abcdefghijklmnopqrstuvwxyz", s:text())
      s:type "!"
      assert.equal("first\n> abcdefghijklmnopqrstuvwxyz!", s:text())
    end)
  end)

  it("may have fewer rows than the text", function()
    session({ columns = 20, rows = 8 }, function(s)
      s:type "a\27\rb\27\rc\27\rd\27\re"
      s:resize(20, 3)
      assert.equal(". c\n. d\n. e", s:text())
    end)
  end)
end)

describe("what others print", function()
  it("is above the text, which stays", function()
    session({}, function(s)
      s:type("abc", LEFT)
      s.editor:print_above "one\ntwo\n"
      testing.settle()
      assert.equal("one\ntwo\n> abc", s:text())
      assert.same({ 3, 5 }, { s.screen:cursor() })
      s:type "x\r"
      assert.equal("one\ntwo\n> abxc", s:text())
    end)
  end)

  it("may come in pieces of a line", function()
    session({}, function(s)
      s:type "abc"
      s.editor:print_above "one"
      testing.settle()
      assert.equal("one\n> abc", s:text())
      s.editor:print_above " line\nand"
      s.editor:print_above " more"
      testing.settle()
      assert.equal("one line\nand more\n> abc", s:text())
      s:type "d\r"
      assert.equal("one line\nand more\n> abcd", s:text())
      s:read()
      assert.equal("one line\nand more\n> abcd\n>", s:text())
    end)
  end)

  it("may be more than the screen has rows", function()
    session({ rows = 5 }, function(s)
      s:type "a\27\rb"
      local lines <const> = {}
      for i = 1, 20 do lines[i] = "line " .. i .. "\n" end
      s.editor:print_above(table.concat(lines))
      testing.settle()
      assert.equal("line 18\nline 19\nline 20\n> a\n. b", s:text())
      assert.is_truthy(s:text(true):find("line 1\nline 2\n", 1, true))
    end)
  end)

  it("is plain where nothing is edited", function()
    session({}, function(s)
      s:type "a\r"
      s.editor:print_above "out"
      assert.equal("> a\nout", s:text())
    end)
  end)

  it("is above a menu and a search, too", function()
    session({ history = { "abc" }, complete = function() return 1, { { text = "a" }, { text = "b" } } end }, function(s)
      s:type("x\t")
      s.editor:print_above "one\n"
      testing.settle()
      assert.equal("one\n> x\na  b", s:text())
      s:type("\27[3~", "\18b")
      s.editor:print_above "two\n"
      testing.settle()
      assert.equal("one\ntwo\n(reverse-search)`b': abc", s:text())
    end)
  end)

  it("does not wait for a slow terminal, which gets what it can", function()
    session({ rows = 5 }, function(s)
      s.terminal.slow = sync.event()
      local big <const> = ("x"):rep(199999) .. "\n"
      for _ = 1, 20 do s.editor:print_above(big) end
      s.editor:print_above "last\n"
      s.terminal.slow:set()
      testing.settle()
      s.editor:print_above "end\n"
      testing.settle()
      assert.is_truthy(s:text():find("bytes left out]\nend\n>", 1, true))
      assert.is_true(s.screen.bytes < 2000000)
    end)
  end)
end)

describe("a stop", function()
  it("by Ctrl-Z is left and come back to", function()
    session({}, function(s)
      s:type("abc", LEFT, "\26")
      assert.equal("all", s.terminal.stopped)
      assert.equal("> abc\nsh> fg\n> abc", s:text())
      assert.same({ 3, 5 }, { s.screen:cursor() })
    end)
  end)

  it("may be asked for by others, and may have happened", function()
    session({}, function(s)
      s:type "abc"
      s.terminal.what = "TSTP"
      s.terminal.resized:set()
      testing.settle()
      assert.equal("one", s.terminal.stopped)
      s.terminal.what = "CONT"
      s.screen:feed "stopped, went on"
      s.terminal.resized:set()
      testing.settle()
      assert.equal("> abc\nsh> fg\n> abcstopped, went on\n> abc", s:text())
    end)
  end)
end)

describe("a dumb terminal", function()
  it("gets no escapes: lines are read as they come", function()
    session({ dumb = true, is_complete = support.is_complete }, function(s)
      s:type("if x then\n", "y() ", "end\nz")
      assert.equal("if x then\ny() end", s:result())
      s:read()
      s:type "()\n"
      assert.equal("z()", s:result())
      s:read()
      s:type("a", false)
      assert.equal("a", s:result())
      s:read()
      s:type(false)
      assert.same({ nil, "end" }, { s:result() })
      assert.equal("> . > > >", s:text())
    end)
  end)
end)

describe("a reading that fails", function()
  it("raises, and leaves the terminal as it was", function()
    session({}, function(s)
      s.terminal.read_some = function() error(lull.new_error("io", "gone")) end
      s:type "a"
      assert.equal("failed", select(2, s:result()))
      assert.equal("io", s.task:error().kind)
      assert.is_false(s.terminal.is_raw)
    end)
  end)
end)
