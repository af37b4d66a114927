--- Commands of the prompt, its variables, and what it keeps from one session to the next.

local here <const> = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local support <const> = dofile(here .. "support_repl.lua")
local session <const> = support.session
local fs = require "lull.fs"

describe("commands", function()
  it("are told of, and suggested", function()
    session(function(p)
      p:type ".help\r"
      p:sees "\n%.help .*\n%.exit[^\n]*\n.*\n>"
      p:answers(".hlep", "there is no command .hlep; did you mean .help?\n")
      p:answers(".xyzzy", "there is no command .xyzzy; .help shows those that there are\n")
      p:answers(".type", "usage: .type EXPR\n")
      p:answers(".exit now", "usage: .exit\n")
    end)
  end)

  it("show the tasks", function()
    session(function(p)
      p:answers(".tasks", "nothing runs in the background\n")
      p:answers("t = lull.spawn(function() lull.gather(lull.sleep_forever) end) t.name = 'worker'", "")
      p:type ".tasks\r"
      p:sees "> %.tasks\nworker waiting for gather[^\n]*\n  [^\n]* waiting for [^\n]*\n>"
      p:type ".tree\r"
      p:sees "> %.tree\nrepl .*\n +worker waiting.*\n +line [^\n]*\n>"
    end)
  end)

  it("show types and times", function()
    session(function(p)
      p:answers(".type 1, 1.0, 'abc', nil, lull.current()",
        "integer float   string of 3 bytes       nil     userdata (lull.Task)\n")
      p:answers(".type {}", "table\n")
      p:answers(".type print()", "\nno value\n")
      p:type ".time lull.sleep(0.01, 'slept')\r"
      p:sees '"slept"\n[%d.]+ s: [%d.]+ s computing, [%d.]+ s waiting\n>'
      p:answers(".time 1 +", "stdin:1: unexpected symbol near <eof>\n")
    end)
  end)

  it("show the reference", function()
    session(function(p)
      p:type ".doc lull.sleep\r"
      p:sees "lull%.sleep%(seconds, %.%.%.%).*\n>"
      p:type ".clear\r"
      p:shows ">"
      p:type "local nap = lull.sleep\r.doc nap\r"
      p:sees "> .doc nap\n[^\n]*lull%.sleep"
      p:type ".doc slep\r"
      p:sees "nothing is known of 'slep'; did you mean lull%.sleep"
    end)
  end)

  it("load and save", function()
    local folder <close> = fs.temp_dir()
    local path <const> = folder.path .. "/saved.lua"
    session(function(p)
      p:answers("local n = 20", "")
      p:answers("n + 1 -- a comment", "21\n")
      p:answers("=n", "20\n")
      p:type "error 'x'\r"
      p:sees "stdin:1: x\nstack traceback:\n.*main chunk\n>"
      p:type(".save " .. path .. "\r")
      p:sees "4 texts in /"
      p:answers(".save /dev/null", "/dev/null is there already\n")
    end)
    assert.equal("local n = 20\nprint(n + 1 -- a comment\n)\nprint(n)\nerror 'x'\n", fs.read_file(path))
    fs.write_file(path, "#!/usr/bin/lull\nlocal loaded = 5\nfunction fail() error 'here' end\n")
    session(function(p)
      p:type(".load " .. path .. "\r")
      p:sees "%.load [^>]*\n>"
      p:answers("loaded", "5\n")
      p:type "fail()\r"
      p:sees "/saved%.lua:3: here\n"
      p:type ".load /no/such/file\r"
      p:sees "No such file or directory[^\n]*\n>"
    end)
  end)

  it("end the session", function()
    session(function(p)
      p:type ".exit\r"
      p:ends(0)
    end)
  end)
end)

describe("results", function()
  it("are kept in variables of the prompt", function()
    session(function(p)
      p:answers("_", "nil\n")
      p:answers("1, 'two'", '1       "two"\n')
      p:answers("_ + 1, _2", '2       "two"\n')
      p:answers("local x = 1", "")
      p:answers("_1, _3", "2       nil\n")
      p:answers("rawget(_G, '_'), rawget(_G, '_1')", "nil     nil\n")
    end)
  end)

  it("leave variables of these names alone", function()
    session(function(p)
      p:answers("_, _2 = 'mine', 'too'", "")
      p:answers("5, 6", "5       6\n")
      p:answers("_, _1, _2", '"mine"  5       "too"\n')
      p:answers("local _1 = 'local'", "")
      p:answers("7", "7\n")
      p:answers("_1, _G._", '"local" "mine"\n')
    end)
  end)
end)

describe("what is typed", function()
  it("is there in the next session, and in one that runs beside", function()
    local folder <close> = fs.temp_dir()
    local env <const> = { LULL_HISTORY = folder.path .. "/state/history" }
    session(function(p)
      p:answers("'first'", '"first"\n')
      session(function(other)
        other:type "\27[A"
        other:shows "> 'first'"
        other:type "\5\21'second'\r"
        other:shows '"second"\n>'
      end, env)
      p:answers("'third'", '"third"\n')
      p:type "\4"
      p:ends(0)
    end, env)
    session(function(p)
      p:type ".history 3\r"
      p:shows "2  'second'\n    3  'third'\n    4  .history 3\n>"
      p:type "\27[A\27[A\27[A\27[A"
      p:shows "> 'first'"
    end, env)
  end)

  it("goes on without a history that cannot be used", function()
    session(function(p)
      p:sees "the history cannot be used: "
      p:answers("1", "1\n")
    end, { LULL_HISTORY = "/" })
  end)
end)

describe("the start-up file", function()
  it("runs first, its locals stay, and its errors are shown", function()
    local folder <close> = fs.temp_dir()
    local path <const> = folder.path .. "/lull/repl.lua"
    fs.mkdir(folder.path .. "/lull")
    fs.write_file(path, "local mine = 3\n_PROMPT = 'me> '\nerror 'late'\n")
    local env <const> = { LULL_REPL = false, XDG_CONFIG_HOME = folder.path }
    session(function(p)
      p:sees "lull/repl.lua:3: late\nstack traceback:.*\nme>"
      p:type "mine\r"
      p:shows "me> mine\n3\nme>"
    end, env, { support.program })
    session(function(p)
      p:shows "\n>"
      p:answers("mine", "nil\n")
    end, env, { support.program, "-E" })
  end)
end)
