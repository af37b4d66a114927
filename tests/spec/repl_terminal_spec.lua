--- The prompt of the program at a terminal: what is seen.

local here <const> = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local lull = require "lull"
local support <const> = dofile(here .. "support_terminal.lua")
local session <const> = support.session

describe("the prompt at a terminal", function()
  it("greets, shows values, ends", function()
    session(function(p)
      p:sees "^lull %d+%.%d+%.%d+ %(Lua 5%.4%)[^\n]*\n>"
      p:answers("1 + 1, 'a', nil", '2       "a"     nil')
      p:answers("{ 1, x = { 'y' } }", '{ 1, x = { "y" } }')
      p:answers("nothing", "nil")
      p:answers("print(1)", "1")
      p:answers("('x'):rep(50), ('y'):rep(50)",
        '"' .. ("x"):rep(50) .. '"\n"' .. ("y"):rep(50) .. '"')
      p:type "\4"
      p:ends(0)
    end)
  end)

  it("edits several lines, and recalls them", function()
    session(function(p)
      p:type "for i = 1, 2 do\r"
      p:shows "\n."
      p:type "print(i)\r"
      p:shows "\n.   print(i)\n."
      p:type "en"
      p:shows "\n.   en"
      p:type "d"
      p:shows "\n. end"
      p:type "\r"
      p:shows "> for i = 1, 2 do\n.   print(i)\n. end\n1\n2\n>"
      p:type "\27[A"
      p:shows "> for i = 1, 2 do\n.   print(i)\n. end"
      p:type "\27[A\27[A\5\27[D\27[D\27[D\127"
      p:shows "> for i = 1,  do\n.   print(i)\n. end"
      p:type "3\27[B\27[B\r"
      p:shows "1\n2\n3\n>"
    end)
  end)

  it("completes globals, locals and commands", function()
    session(function(p)
      p:answers("local wonderful = { first_field = 7 }", "")
      p:type "wond\t.fir\t\r"
      p:shows "> wonderful.first_field\n7\n>"
      p:type "string.repl\3\r"
      p:type ".his\t\3"
      p:sees "> %.history"
    end)
  end)

  it("takes what is pasted as one text", function()
    session(function(p)
      p:type "\27[200~local a = 1\nlocal b = a + 1\nreturn b\27[201~"
      p:shows "> local a = 1\n. local b = a + 1\n. return b"
      p:type "\r"
      p:shows "\n2\n>"
    end)
  end)

  it("takes lines that are typed ahead", function()
    session(function(p)
      p:type "print 'running' io.read()\r"
      p:shows "\nrunning"
      p:type "for it\r'first'\r'second'\r"
      p:shows '> \'first\'\n"first"\n> \'second\'\n"second"\n>'
    end)
  end)

  it("knows wide characters, and follows its size", function()
    session(function(p)
      p:type "'日本語 ' .. ('漢'):rep(3)"
      p:shows "> '日本語 ' .. ('漢'):rep(3)"
      p:resize(20, 16)
      p:shows "> '日本語 ' .. ('漢'\n):rep(3)"
      p:resize(50, 16)
      p:shows "> '日本語 ' .. ('漢'):rep(3)"
      p:type "\r"
      p:shows '\n"日本語 漢漢漢"\n>'
    end)
  end)
end)

describe("what others print", function()
  it("appears above the line that is typed", function()
    session(function(p)
      p:answers("go = lull.sync.event()", "")
      p:answers("function say(f) lull.spawn(function() go:wait() f() end) end", "")
      p:answers("say(function() print('printed', 1) io.write('writ', 'ten\\n') end)", "")
      p:answers("say(function() io.stdout:write('out\\n') io.stderr:write('err\\n') end)", "")
      p:answers("say(function() warn '@on' warn 'careful' end)", "")
      p:answers("say(function() lull.log.info('logged') end)", "")
      p:later "go:set()"
      p:type "half a line"
      p:shows "> half a line"
      p:go()
      p:sees "printed 1\nwritten\nout\nerr\nLua warning: careful\n[^\n]*logged\n> half a line"
      p:type "\3"
      p:shows "> half a line^C\n>"
    end)
  end)

  it("appears there when it is an error that nobody received", function()
    session(function(p)
      p:later "error 'lost'"
      p:type "half a line"
      p:shows "> half a line"
      p:go()
      p:sees "lull: error nobody received: stdin:1: lost %(in task[^\n]*\nstack traceback:.*\n> half a line"
      p:type "\3"
      p:shows "> half a line^C\n>"
    end)
  end)

  it("is shown in part when a line without an end is given, which goes on", function()
    session(function(p)
      p:answers("go = lull.sync.queue()", "")
      p:answers("local _ = lull.spawn(function() while true do io.write(go:get()) end end)", "")
      p:later "go:put 'one '"
      p:type "abc"
      p:shows "> abc"
      p:go()
      p:sees "\none\n> abc"
      p:type "\5\21go:put 'two\\n'\r"
      p:sees "\none\n.*\ntwo\n>"
    end)
  end)

  it("may be bars, which are not there while a line is typed", function()
    session(function(p)
      p:type "b = lull.term.progress { total = 4 } lull.sleep(0.01) return 'over'\r"
      p:shows '\n"over"\n>'
      assert.is_nil(p.screen:text():find("0%", 1, true))
      p:answers("b:update(2) return b:finish 'all done'", "all done")
    end)
  end)

  it("is given back to the functions that there were", function()
    session(function(p)
      p:shows ">"
      p:type "\4"
      p:sees "3       true    true"
    end, nil, { support.program, "-e", [[
      local p, w, f = print, io.write, io.stdout.write
      require "lull.repl".start()
      print(3, p == print, w == io.write and f == io.stdout.write)]] })
  end)
end)

describe("Ctrl-C", function()
  --- Type a line that shows "running", and press Ctrl-C then.
  local function interrupt(p, line, before)
    p:type((before or "") .. "print 'running' " .. line .. "\r")
    p:shows "\nrunning"
    p:type "\3"
    p:shows "\nrunning\n^C\ninterrupted\n>"
  end

  it("clears what is typed, and nothing else", function()
    session(function(p)
      p:type "print 'never'\3"
      p:shows "> print 'never'^C\n>"
      p:type "\3"
      p:shows "> ^C\n>"
      p:type "if x then\r"
      p:shows "> if x then\n."
      p:type "\3"
      p:shows "> if x then\n.   ^C\n>"
      p:answers("1", "1")
    end)
  end)

  it("stops a line that waits", function()
    session(function(p)
      interrupt(p, "lull.sleep(1000)")
      interrupt(p, "lull.sleep_forever()")
      interrupt(p, "pcall(lull.sleep_forever) lull.sleep_forever()")
      interrupt(p, "lull.gather(lull.sleep_forever, function() lull.sleep(1000) end)")
      p:answers("1", "1")
    end)
  end)

  it("stops a line that reads; one that is about to begin needs another", function()
    session(function(p)
      p:type "print 'running' io.read()\r"
      p:shows "\nrunning"
      local typist <const> = lull.every(0.5, function() p:type "\3" end)
      p:sees "interrupted\n>"
      typist:cancel()
      p:type "\21'still' .. ' here'\r"
      p:sees '\n"still here"\n>'
    end)
  end)

  it("stops a line that computes", function()
    session(function(p)
      interrupt(p, "while true do end")
      interrupt(p, "while true do pcall(error) end")
      interrupt(p, "while true do pcall(string.rep, 'x', 100000) end")
      interrupt(p, "coroutine.wrap(function() while true do end end)()")
      interrupt(p, "return setmetatable({}, { __tostring = function() while true do end end })")
      interrupt(p, "error(setmetatable({}, { __tostring = function() while true do end end }))")
      p:answers("1", "1")
    end)
  end)

  it("is not needed for tasks that compute in the background: they can be cancelled by name", function()
    session(function(p)
      p:answers("n = 0 t = lull.spawn(function() while true do n = n + 1 end end)", "")
      p:answers("n > 0, t:status()", 'true    "pending"')
      p:answers("t:cancel() return t:join()", '"cancelled"')
    end)
  end)

  it("is the only thing that ends a body that has cancelled its own group before it is done", function()
    session(function(p)
      p:answers("lull.group(function(g) g:cancel() for _ = 1, 1e7 do end return 'kept' end)", '"kept"')
    end)
  end)

  it("ends the program when nothing has heard it for a second", function()
    session(function(p)
      p:type "print 'on' return (('a'):rep(100000):find(('a?'):rep(50) .. ('b'):rep(10) .. '.-.-.-x'))\r"
      p:sees "\non"
      local typist <const> = lull.every(0.1, function() pcall(p.type, p, "\3") end)
      p:ends(nil, "INT")
      typist:cancel()
    end)
  end)

  it("lets a line clean up, and leaves the others alone", function()
    session(function(p)
      p:answers("t, n = lull.spawn(lull.sleep_forever), 5", "")
      interrupt(p, "lull.sleep(9)", "local _ <close> = lull.finally(function() lull.sleep(0) n = 6 end) ")
      p:answers("n, t:status()", '6       "pending"')
    end)
  end)
end)

describe("Ctrl-D", function()
  it("ends the program, and what runs is cancelled and joined", function()
    session(function(p)
      p:answers("function cleanup() lull.sleep(0.001) print 'cleaned' end", "")
      p:answers("function wait() local _ <close> = lull.finally(cleanup) lull.sleep_forever() end", "")
      p:answers("t = lull.spawn(wait)", "")
      p:type "\4"
      p:ends(0)
      p:sees "\ncleaned$"
    end)
  end)

  it("deletes what is behind the cursor, where there is something", function()
    session(function(p)
      p:type "12\1\4\r"
      p:shows "> 2\n2\n>"
    end)
  end)
end)

describe("the program at its prompt", function()
  it("leaves the terminal as it was, however it ends", function()
    for _, ending in ipairs { "\4", "os.exit(3)\r", "local _ = lull.after(0.01, os.exit)\rhalf a line" } do
      session(function(p)
        p:shows "\n>"
        p:type(ending)
        p:sees "\n(icanon)"
      end, nil, { "sh", "-c", ("'%s' repl; stty -a | grep -o -- '-*icanon'"):format(support.program) })
    end
  end)

  it("stops by Ctrl-Z while a line runs, and goes on", function()
    session(function(p)
      p:shows "$"
      p:type(("stty -echo; '%s' repl\r"):format(support.program))
      p:shows "\n>"
      p:type "s = require 'lull.signal'.listen 'CONT' print 'running' s() print 'back' lull.sleep_forever()\r"
      p:sees "\nrunning"
      p:type "\26"
      p:sees "Stopped"
      p:type "fg\r"
      p:sees "\nback"
      p:type "\3"
      p:sees "interrupted\n>"
      p:answers("1", "1")
    end, { PS1 = "$ ", INPUTRC = "/dev/null" }, { "bash", "--norc", "--noprofile", "-i" })
  end)

  it("puts back what it needs of the standard libraries", function()
    session(function(p)
      p:type "table = { 'mine' }\r"
      p:sees "\nput back, for the prompt needs it: table\n>"
      p:answers("utf8 = nil", "")
      p:type "lul\t"
      p:sees "needs it: utf8\n>"
      p:type "string.rep, pcall = nil\r"
      p:sees "needs it: [^\n]*string.rep[^\n]*\n>"
      p:answers("1", "1")
    end)
  end)

  for _, line in ipairs {
    "getmetatable('').__index = nil",
    "debug.setmetatable('', nil)",
    "lull.async, lull.wait, lull.group = nil",
    "for name in pairs(package.loaded) do package.loaded[name] = nil end",
  } do
    it("goes on after " .. line, function()
      session(function(p)
        p:type(line .. "\r")
        p:sees "\n> .*\n>"
        p:type "lul\t\21"
        p:sees "lull"
        p:type "{ 'a' .. 'b' }\r"
        p:sees "\n{ \"ab\" }\n"
      end)
    end)
  end

  for line, name in pairs {
    ["debug.setmetatable(1, { __tostring = error })"] = "metatable of numbers",
    ["getmetatable('').__tostring = error"] = "metatable of strings: __tostring",
  } do
    it("puts back what shows values after " .. line, function()
      session(function(p)
        p:type("do " .. line .. " end\r")
        p:type "1\r"
        p:sees("\nput back, for the prompt needs it: " .. name .. "\n")
        p:type "{ 1, 'x' }\r"
        p:sees '\n{ 1, "x" }\n'
        p:type "\4"
        p:ends(0)
      end, { NO_COLOR = false, FORCE_COLOR = "1" })
    end)
  end

  it("goes on after a line has removed globals until it could not", function()
    session(function(p)
      p:type "require, math, _G = nil error 'stopped'\r"
      p:sees "\nstdin:1: stopped\n"
      p:type "{ 'a' .. 'b' }\r"
      p:sees "\n{ \"ab\" }\n"
    end)
  end)

  it("asks globals that let nothing be asked for no prompt", function()
    session(function(p)
      p:answers("do setmetatable(_G, { __index = function(_, name) error('no ' .. name, 2) end }) end", "")
      p:type "nothing\r"
      p:sees "no nothing"
      p:answers("1 + 1", "2")
      p:answers("_G = nil", "")
      p:type "\4"
      p:ends(0)
    end)
  end)

  for state, line in pairs { typing = "abc", waiting = "print 'on' lull.sleep_forever()\r",
    computing = "print 'on' while true do end\r" } do
    it("ends for SIGTERM while " .. state, function()
      session(function(p)
        p:type(line)
        p:sees(state == "typing" and "> abc" or "\non")
        p.child:kill "TERM"
        p:ends(143)
      end)
    end)

    it("ends for SIGHUP while " .. state, function()
      session(function(p)
        p:type(line)
        p:sees(state == "typing" and "> abc" or "\non")
        p.child:kill "HUP"
        p:ends(129)
      end)
    end)
  end

  it("says why a __tostring fails", function()
    session(function(p)
      p:answers("function failing(x) return setmetatable({}, { __tostring = function() error(x, 0) end }) end", "")
      p:answers("failing 'why'", "<__tostring fails: why>")
      p:answers([[failing '\27[2J\n\xff']], [[<__tostring fails: \27[2J\n\xFF>]])
      p:answers("failing {}", "<__tostring fails: table>")
      p:type "failing(('long'):rep(1000))\r"
      p:sees "longlong%s*long[long\n]* %.%.%.>\n>"
    end)
  end)

  it("shows numbers whose class was changed", function()
    session(function(p)
      p:answers("do debug.setmetatable(1, { __tostring = error }) end", "")
      p:answers("{ 1 }", "{ <__tostring fails: number> }")
    end)
  end)
end)
