--- The line editor at real terminals: a pty, with a screen of our own; a shell with jobs; and tmux.

local here <const> = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local lull = require "lull"
local process = require "lull.process"
local support <const> = dofile(here .. "support_terminal.lua")

local program <const> = support.program
local prompt <const> = here .. "edit_prompt.lua"
local SIZE <const> = { columns = 50, rows = 12 }

--- Send the program a signal.
local function signal(s, name)
  process.run { "sh", "-c", ("kill -%s %s"):format(name, s.pid) }
end

--- Run a test with the program at a terminal; or with something else, that starts it.
local function session(argv, fn, environment)
  local env <const> = { NO_COLOR = false, PS1 = "sh> " }
  for name, value in pairs(environment or {}) do env[name] = value end
  support.session(function(s)
    if not argv then s.pid = s:sees "pid (%d+)\n>" end
    fn(s)
  end, env, argv or { program, prompt }, SIZE)
end

--- The program, and then the mode of the terminal, as a shell without jobs runs them.
local function then_mode(fn)
  session({ "sh", "-c", ("'%s' '%s' 2>/dev/null; stty -a | grep -o -- '-*icanon'; echo over"):format(program, prompt) },
    function(s)
      s.pid = s:sees "pid (%d+)\n>"
      fn(s)
      s:sees "\n(icanon\nover)$"
    end)
end

describe("at a terminal the editor", function()
  it("edits", function()
    session(nil, function(s)
      s:type "locl x\27[D\27[D\27[Da"
      s:shows "> local x"
      assert.equal("local", s.screen:styled(2, "34"))
      s:type "\5 = 日本\n"
      s:shows 'got "local x = 日本"\n>'
    end)
  end)

  it("completes, searches, and knows the history", function()
    session(nil, function(s)
      s:type "al\t\t"
      s:shows "> alpha\nalpha     alphabet"
      s:type "\t\t\r\r"
      s:shows 'got "alphabet"\n>'
      s:type "\18hel"
      s:shows "(reverse-search)`hel': print('hello')"
      s:type "\7\27[A"
      s:shows "> for i = 1, 3 do\n.   print(i)\n. end"
    end)
  end)

  it("takes what is pasted as it is", function()
    session(nil, function(s)
      s:type "\27[200~one\ntwo\1\27[201~"
      s:shows "> one\n. two^A"
      s:type "\r"
      s:shows 'got "one\\\ntwo\\1"\n>'
    end)
  end)

  it("follows its size", function()
    session(nil, function(s)
      s:type(("abcdefghi "):rep(6))
      s:shows "> abcdefghi abcdefghi abcdefghi abcdefghi abcdefgh\ni abcdefghi"
      s.screen:resize(30, 12)
      s.child:resize(12, 30)
      s:shows "> abcdefghi abcdefghi abcdefgh\ni abcdefghi abcdefghi abcdefgh\ni"
      s.screen:resize(70, 12)
      s.child:resize(12, 70)
      s:shows("> " .. ("abcdefghi "):rep(6):sub(1, -2))
    end)
  end)

  it("shows what others print above the text", function()
    session(nil, function(s)
      s:type "abc"
      s:shows "> abc"
      signal(s, "USR1")
      s:shows "\nfrom the background\n> abc"
      s:type "d\r"
      s:shows 'got "abcd"\n>'
    end)
  end)

  it("keeps what is typed ahead, and leaves it to those who read", function()
    session(nil, function(s)
      s:type "read\nfor it\n"
      s:shows "read for it\n>"
      s:type "wait\r"
      s:shows "waiting"
      s:type "one\ntw"
      s:wait(function(screen) return screen:text():find "tw$" end, "the echo")
      signal(s, "HUP")
      s:shows 'got "one"\n> tw'
      s:type "o\n"
      s:shows 'got "two"\n>'
    end)
  end)

  it("is interrupted by Ctrl-C and ended by Ctrl-D", function()
    session(nil, function(s)
      s:type "abc\3"
      s:shows "> abc^C\n>"
      s:type "\3"
      s:shows 'got "interrupt"\n>'
      s:type "\4"
      s:shows "ended"
      assert.equal(0, s.child:wait())
    end)
  end)

  it("leaves the mode of the terminal as it was", function()
    then_mode(function(s) s:type "\4" end)
    then_mode(function(s) s:type "exit\r" end)
    then_mode(function(s) s:type "fail\r" end)
  end)

  it("does so in the middle of a text, too", function()
    for _, name in ipairs { "USR2", "TERM", "INT" } do
      then_mode(function(s)
        s:type "abc"
        s:shows "> abc"
        signal(s, name)
      end)
    end
  end)

  it("does so when its mode is collected, or another comes back to it", function()
    local code <const> = [[
      local tty = require "lull.tty.native"
      local show = "stty -a | grep -o -- '-*icanon'"
      local mode = tty.raw(0)
      os.execute(show)
      mode = nil
      collectgarbage()
      os.execute(show)
      local again <close> = tty.raw(0)
      os.execute "stty icanon"
      again:again()
      os.execute(show)
      again:close()
      again:again()
      os.execute(show)
      print "over"]]
    session({ program, "-e", code }, function(s) s:shows "-icanon\nicanon\n-icanon\nicanon\nover" end)
  end)

  it("uses no escapes where TERM is dumb", function()
    session(nil, function(s)
      s:type "if x then\nend\n"
      s:shows 'got "if x then\\\nend"\n>'
      assert.is_nil(table.concat(s.output):find "\27")
    end, { TERM = "dumb" })
  end)
end)

describe("in a shell the editor", function()
  --- A shell with jobs, that has the editor as one.
  local function job(fn)
    session({ "bash", "--norc", "--noprofile", "-i" }, function(s)
      s:type(("stty -echo; exec 2>&1; '%s' '%s'\n"):format(program, prompt))
      s.pid = s:sees "pid (%d+)\n>"
      fn(s)
    end, { TERM = "xterm", INPUTRC = "/dev/null" })
  end

  it("stops by Ctrl-Z and goes on", function()
    job(function(s)
      s:type "abc"
      s:shows "> abc"
      s:type "\26"
      s:sees "Stopped.*\nsh>"
      s:type "stty -a | grep -o -- '-*icanon'\n"
      s:sees "\n(icanon\nsh>)"
      s:type "fg\n"
      s:shows "> abc"
      s:type "d\n"
      s:shows 'got "abcd"\n>'
    end)
  end)

  it("stops when it is told to, and goes on after a stop it was not told of", function()
    job(function(s)
      s:type "abc"
      s:shows "> abc"
      signal(s, "TSTP")
      s:sees "Stopped.*\nsh>"
      s:type "fg\n"
      s:shows "> abc"
      signal(s, "STOP")
      s:sees "Stopped.*Stopped.*\nsh>"
      s:type "fg\n"
      s:shows "> abc"
      s:type "d\n"
      s:shows 'got "abcd"\n>'
    end)
  end)
end)

describe("in tmux the editor", function()
  local function tmux(...) return process.run({ "tmux", "-L", "lull-edit-" .. process.pid(), ... }) end

  --- Wait until the window shows this at its end.
  local function shows(text)
    local shown
    local is_in_time <const> = lull.move_on_after(support.PATIENCE, function()
      repeat
        shown = tmux("capture-pane", "-p").stdout:gsub("%s+$", ""):gsub(" +\n", "\n")
      until shown:sub(-#text) == text
    end)
    if not is_in_time then error(("missed: %s\n%s"):format(text, shown), 0) end
  end

  it("looks the same", function()
    local started <const> = tmux("-f", "/dev/null", "new-session", "-d", "-x", "40", "-y", "10",
      ("'%s' '%s'"):format(program, prompt))
    assert.equal(0, started.code, started.stderr)
    local _ <close> = lull.finally(function() tmux "kill-server" end)
    shows "\n>"
    tmux("send-keys", "-l", "日本 abcdefghijklmnopqrstuvwxyz0123456789")
    shows "> 日本 abcdefghijklmnopqrstuvwxyz0123456\n789"
    tmux("resize-window", "-x", "20")
    shows "> 日本 abcdefghijklm\nnopqrstuvwxyz0123456\n789"
    tmux("resize-window", "-x", "60")
    shows "> 日本 abcdefghijklmnopqrstuvwxyz0123456789"
    tmux("send-keys", "Home", "C-k", "a", "Tab", "Tab", "Tab", "Tab")
    shows "> alphabet\nalpha     alphabet"
    tmux("send-keys", "Enter", "Enter")
    shows 'got "alphabet"\n>'
  end)
end)
