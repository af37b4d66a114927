--- The prompt at a real terminal: a pty, with a screen of our own.

local here <const> = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local fs = require "lull.fs"
local support <const> = dofile(here .. "support_terminal.lua")

local program <const> = support.program
local CTRL_C <const>, CTRL_D <const>, UP <const>, TAB <const> = "\3", "\4", "\27[A", "\t"

--- Run a test at a prompt in a home of its own.
local function at_prompt(home, fn, argv)
  support.session(function(terminal)
    terminal:shows "\n>"
    fn(terminal)
  end, { TERM = "xterm", HOME = home, XDG_STATE_HOME = false, XDG_CONFIG_HOME = false,
    LULL_HISTORY = false, LULL_REPL = false }, argv or { program }, { rows = 20, columns = 60 })
end

--- End it with Ctrl-D; it ends well.
local function ends(terminal)
  terminal:type(CTRL_D)
  terminal:ends(0)
end

describe("the prompt at a terminal", function()
  local home, folder

  before_each(function()
    folder = fs.temp_dir()
    home = folder.path
  end)

  after_each(function() folder:remove() end)

  it("shows values in full, and names the results", function()
    at_prompt(home, function(t)
      t:answers("{1, 'two', x = {y = 3}}", "{ 1, \"two\", x = { y = 3 } }")
      t:answers("_.x.y", "3")
      t:answers("4, nil, 5", "4       nil     5")
      t:answers("_1 + _3", "9")
      ends(t)
    end)
  end)

  it("takes several lines until they are complete", function()
    at_prompt(home, function(t)
      t:type "for i = 1, 2 do\r"
      t:shows "\n."
      t:type "print(i) end\r"
      t:shows "\n1\n2\n>"
      ends(t)
    end)
  end)

  it("completes fields of what is there, and calls no code", function()
    at_prompt(home, function(t)
      t:answers("function bad() os.exit(9) end", "")
      t:answers("o = setmetatable({ longname = 7 }, { __index = bad })", "")
      t:type("o.lo" .. TAB)
      t:shows "> o.longname"
      t:type "\r"
      t:shows "\n7\n>"
      ends(t)
    end)
  end)

  it("goes back in the history, of earlier sessions, too, by whole entries", function()
    at_prompt(home, function(t)
      t:type "x = [[a\r"
      t:shows "\n."
      t:type "b]]\r"
      t:shows "\n>"
      t:answers(" hidden = 1", "")
      ends(t)
    end)
    at_prompt(home, function(t)
      t:type(UP)
      t:shows "> x = [[a\n. b]]"
      t:type(CTRL_C)
      t:shows "\n>"
      ends(t)
    end)
    assert.equal(384, fs.stat(home .. "/.local/state/lull/history").mode & 511) -- 0600
  end)

  it("shares the history with another one", function()
    at_prompt(home, function(one)
      at_prompt(home, function(two)
        one:answers("'first'", "\"first\"")
        two:answers("'second'", "\"second\"")
        ends(two)
      end)
      ends(one)
    end)
    local text <const> = fs.read_file(home .. "/.local/state/lull/history")
    assert.is_truthy(text:find("'first'\n", 1, true) and text:find("'second'\n", 1, true), text)
  end)

  it("shows what runs in the background above what is typed", function()
    at_prompt(home, function(t)
      t:answers("go = lull.future()", "")
      t:answers("function f() go:await() print 'news' error 'bad news' end", "")
      t:answers("do lull.spawn(f) end", "")
      t:later "go:set()"
      t:type "typing"
      t:shows "> typing"
      t:go()
      t:has "bad news"
      t:shows "> typing"
      t:has "\nnews\n"
      t:type(CTRL_C)
      t:shows "^C\n>"
      ends(t)
    end)
  end)

  for what, line in pairs { waits = "lull.sleep(1000)", computes = "while true do end",
    reads = "io.read()",
    -- at an error, Ctrl-C in this case, it reads on: so Ctrl-C has come before it blocks
    ["has just begun to read"] = "loadfile()" } do
    it("cancels with Ctrl-C a line that " .. what, function()
      at_prompt(home, function(t)
        t:type(("print 'running' %s\r"):format(line))
        t:shows "\nrunning"
        t:type(CTRL_C)
        t:shows "\ninterrupted\n>"
        t:answers("1 + 1", "2")
        ends(t)
      end)
    end)
  end

  it("shows wide characters where they are", function()
    at_prompt(home, function(t)
      t:answers("'日本語'", "\"日本語\"")
      ends(t)
    end)
  end)

  it("shows an error that is no text as it shows results", function()
    at_prompt(home, function(t)
      t:type "error { code = 7 }\r"
      t:shows "in main chunk\n{ code = 7 }\n>"
      ends(t)
    end)
  end)

  it("runs a start-up file, and goes past its errors", function()
    fs.mkdir(home .. "/.config/lull", { parents = true })
    fs.write_file(home .. "/.config/lull/repl.lua", "early = 5 error 'broken'")
    at_prompt(home, function(t)
      t:has "broken"
      t:answers("early", "5")
      ends(t)
    end)
    at_prompt(home, function(t)
      t:answers("early", "nil")
      ends(t)
    end, { program, "-E" })
  end)

  it("has commands, and knows those that are nearly right", function()
    at_prompt(home, function(t)
      t:answers(".type 1, {}", "integer table")
      t:answers(".hlep", "there is no command .hlep; did you mean .help?")
      t:answers("x = 3", "")
      t:answers(".save " .. home .. "/s", "1 texts in " .. home .. "/s")
      t:type ".exit\r"
      while t.child.stdout:read_some() do end
      assert.equal(0, t.child:wait())
    end)
    assert.equal("x = 3\n", fs.read_file(home .. "/s"))
  end)

  it("takes what is pasted as one text", function()
    at_prompt(home, function(t)
      t:type "\27[200~x = 1\ny = x + 1\27[201~\r"
      t:shows "> x = 1\n. y = x + 1\n>"
      t:answers("y", "2")
      ends(t)
    end)
  end)

  it("completes what all keys of a large table have in common", function()
    at_prompt(home, function(t)
      t:answers("big = {} for i = 1, 100000 do big['key' .. i] = i end", "")
      t:type("big." .. TAB .. "77777\r")
      t:shows "> big.key77777\n77777\n>"
      ends(t)
    end)
  end)

  it("completes modules, locals and commands", function()
    at_prompt(home, function(t)
      t:answers("local unusual = 5", "")
      t:type("unus" .. TAB .. "\r")
      t:shows "> unusual\n5\n>"
      t:type("x = require 'lull.js" .. TAB)
      t:has "> x = require 'lull.json"
      t:type(CTRL_C)
      t:shows "^C\n>"
      t:type(".hist" .. TAB)
      t:shows "> .history"
      t:type(CTRL_C)
      t:shows "^C\n>"
      ends(t)
    end)
  end)

  it("draws the line anew at another size", function()
    at_prompt(home, function(t)
      t:type "x = 'some text to look at'"
      t:shows "> x = 'some text to look at'"
      t:resize(20, 10)
      t:type "y"
      t:wait(function(screen) return screen:text():gsub("\n", ""):find("look at'y", 1, true) end, "the text")
      t:type(CTRL_C)
      ends(t)
    end)
  end)
end)
