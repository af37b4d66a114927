--- Commands of the prompt, its variables, and what it keeps from one session to the next.

local here <const> = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local support <const> = dofile(here .. "support_terminal.lua")
local session <const> = support.session
local fs = require "lull.fs"

describe("commands", function()
  it("are told of, and suggested", function()
    session(function(p)
      p:type ".help\r"
      p:sees "\n%.help .*\n%.exit[^\n]*\n.*\n>"
      p:answers(".hlep", "there is no command .hlep; did you mean .help?")
      p:answers(".xyzzy", "there is no command .xyzzy; .help shows those that there are")
      p:answers(".type", "usage: .type EXPR")
      p:answers(".exit now", "usage: .exit")
    end)
  end)

  it("show the tasks", function()
    session(function(p)
      p:answers(".tasks", "nothing runs in the background")
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
        "integer float   string of 3 bytes       nil     userdata (lull.Task)")
      p:answers(".type {}", "table")
      p:answers(".type print()", "\nno value")
      p:type ".time lull.sleep(0.01, 'slept')\r"
      p:sees '"slept"\n[%d.]+ s: [%d.]+ s computing, [%d.]+ s waiting\n>'
      p:answers(".time 1 +", "stdin:1: unexpected symbol near <eof>")
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

  it("say that there is no reference", function()
    local folder <close> = fs.temp_dir()
    fs.copy(support.program, folder.path .. "/lull")
    session(function(p)
      p:shows "\n>"
      for _, command in ipairs { ".doc lull.sleep", ".doc slep" } do
        p:answers(command, "the reference (lull.doc) is not installed")
      end
    end, nil, { folder.path .. "/lull", "repl" })
  end)

  it("tell variables of Lua from its functions", function()
    session(function(p)
      p:type ".doc io.stdout\r"
      p:sees "\n +A variable of Lua itself: section 6%.8 [^>]*#pdf%-io%.stdout\n"
      p:type ".doc io.write\r"
      p:sees "\n +A function of Lua itself: section 6%.8 "
    end)
  end)

  it("say what they want", function()
    session(function(p)
      p:answers(".history -1", "how many? a whole number from 1 on, not '-1'")
      p:answers(".history all", "how many? a whole number from 1 on, not 'all'")
    end)
  end)

  it("need nothing that a line may have taken", function()
    session(function(p)
      p:answers("lull.tree, lull.now = nil", "")
      p:answers(".tasks", "nothing runs in the background")
      p:type ".time 1\r"
      p:sees "\n1\n[%d.]+ s: [%d.]+ s computing, [%d.]+ s waiting\n>"
    end)
  end)

  it("load and save", function()
    local folder <close> = fs.temp_dir()
    local path <const> = folder.path .. "/saved.lua"
    session(function(p)
      p:answers("local n = 20", "")
      p:answers("n + 1 -- a comment", "21")
      p:answers("=n", "20")
      p:type "error 'x'\r"
      p:sees "stdin:1: x\nstack traceback:\n.*main chunk\n>"
      p:type(".save " .. path .. "\r")
      p:sees "4 texts in /"
      p:answers(".save /dev/null", "/dev/null is there already")
    end)
    assert.equal("local n = 20\nprint(n + 1 -- a comment\n)\nprint(n)\nerror 'x'\n", fs.read_file(path))
    fs.write_file(path, "#!/usr/bin/lull\nlocal loaded = 5\nfunction fail() error 'here' end\n")
    session(function(p)
      p:type(".load " .. path .. "\r")
      p:sees "%.load [^>]*\n>"
      p:answers("loaded", "5")
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
      p:answers("_", "nil")
      p:answers("1, 'two'", '1       "two"')
      p:answers("_ + 1, _2", '2       "two"')
      p:answers("local x = 1", "")
      p:answers("_1, _3", "2       nil")
      p:answers("rawget(_G, '_'), rawget(_G, '_1')", "nil     nil")
    end)
  end)

  it("leave variables of these names alone", function()
    session(function(p)
      p:answers("_, _2 = 'mine', 'too'", "")
      p:answers("5, 6", "5       6")
      p:answers("_, _1, _2", '"mine"  5       "too"')
      p:answers("local _1 = 'local'", "")
      p:answers("7", "7")
      p:answers("_1, _G._", '"local" "mine"')
    end)
  end)
end)

describe("what is typed", function()
  it("is there in the next session, and in one that runs beside", function()
    local folder <close> = fs.temp_dir()
    local env <const> = { LULL_HISTORY = folder.path .. "/state/history" }
    session(function(p)
      p:answers("'first'", '"first"')
      session(function(other)
        other:type "\27[A"
        other:shows "> 'first'"
        other:type "\5\21'second'\r"
        other:shows '"second"\n>'
      end, env)
      p:answers("'third'", '"third"')
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
      p:answers("1", "1")
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
      p:answers("mine", "nil")
    end, env, { support.program, "-E" })
  end)
end)
