--- The program's own options: environment files, limits, suggestions for misspelt words.

local here <const> = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local support <const> = dofile(here .. "support_program.lua")
local folder = support.folder

--- Run code with options; the output and the exit code.
local function run(options, code, files, env)
  local place <close> = folder(files)
  place:write("s.lua", code)
  table.insert(options, "s.lua")
  return place:run(options, { env = env })
end

local function contains(text, part)
  if not text:find(part, 1, true) then error(("%q is not in: %s"):format(part, text), 2) end
end

describe("--env-file", function()
  --- What a file makes of the variable X.
  local function value(text, env)
    local all <const> = { inherit = true }
    for name, given in pairs(env or {}) do all[name] = given end
    return (run({ "--env-file=x.env" }, "io.write(tostring(os.getenv 'X'))", { ["x.env"] = text }, all))
  end

  for text, expected in pairs {
    ["X=plain"] = "plain",
    ["export X=exported"] = "exported",
    ["\n# X=no\n  X = two words  \n"] = "two words",
    ["X=a#b # c"] = "a#b",
    ["X="] = "",
    ["X=# nothing"] = "",
    ["X='$HOME \\n # \"'"] = "$HOME \\n # \"",
    ['X="a\\n\\"b\\"\\t\\$\\q"  # c'] = 'a\n"b"\t$\\q',
    ['X="first\nsecond"\nY=1'] = "first\nsecond",
    ["X=$HOME"] = "$HOME",
    ["X=1\r\nY=2\r\n"] = "1",
    ["X=1\nX=2"] = "1",
    ["Y=1"] = "nil",
    ["exportX=1\nX=2"] = "2",
    ["X='a'"] = "a",
  } do
    it(("reads %q"):format(text), function() assert.equal(expected, value(text)) end)
  end

  it("leaves what the environment has", function()
    assert.equal("mine", value("X=file", { X = "mine" }))
  end)

  it("takes several, the first first", function()
    local output <const> = run({ "--env-file", "a.env", "--env-file=b.env" },
      "print(os.getenv 'A', os.getenv 'B')", { ["a.env"] = "A=1", ["b.env"] = "A=2\nB=2" })
    assert.equal("1\t2\n", output)
  end)

  it("comes before the search paths", function()
    local output <const> = run({ "--env-file=a.env" }, "print(package.path)", { ["a.env"] = "LUA_PATH_5_4=/x/?.lua" })
    assert.equal("/x/?.lua\n", output)
  end)

  for text, complaint in pairs {
    ["A=1\nB"] = "x.env:2: NAME=VALUE expected",
    ["1A=1"] = "x.env:1: NAME=VALUE expected",
    ["=1"] = "x.env:1: NAME=VALUE expected",
    ["A=1\n\nB='x\ny"] = "x.env:3: no ' ends the value",
    ['A="x'] = 'x.env:1: no " ends the value',
    ['A="x" y'] = "x.env:1: something follows the quotes",
    ["A=1\0"] = "x.env: it has a zero byte",
    [("#"):rep(1024 * 1024 + 1)] = "x.env: larger than 1 MiB",
  } do
    it(("refuses %q"):format(text:sub(1, 12)), function()
      local output <const>, code <const> = run({ "--env-file=x.env" }, "print 'ran'", { ["x.env"] = text })
      assert.equal("lull: " .. complaint .. "\n", output)
      assert.equal(1, code)
    end)
  end

  it("refuses a file that is not there", function()
    local output <const>, code <const> = run({ "--env-file=none" }, "print 'ran'")
    assert.equal("lull: cannot read none: No such file or directory\n", output)
    assert.equal(1, code)
  end)
end)

describe("limits:", function()
  it("--max-memory refuses more, and says which limit that was", function()
    local output <const>, code <const> = run({ "--max-memory=10M" },
      "local t = {} while true do t[#t + 1] = ('x'):rep(1e5) .. #t end")
    contains(output, "not enough memory")
    contains(output, "--max-memory: there are no more than 10485760 bytes")
    assert.equal(1, code)
  end)

  it("--max-memory leaves a script its memory below that", function()
    assert.equal("1000000\n", (run({ "--max-memory=16M" }, "print(#('x'):rep(1e6))")))
  end)

  it("--max-memory that is too small for any script says so", function()
    for _, limit in ipairs { 1, 10000, 30000, 40000, 44000 } do
      local output <const>, code <const> = run({ "--max-memory=" .. limit }, "return ('x'):rep(1e6)")
      assert.matches("^lull: not enough memory\n", output)
      contains(output, ("lull: --max-memory: there are no more than %d bytes\n"):format(limit))
      assert.equal(1, code)
    end
  end)

  it("--max-cpu ends a script that computes, whatever it catches", function()
    local output <const>, code <const> = run({ "--max-cpu=0.1" },
      "while true do pcall(function() while true do end end) end")
    contains(output, "--max-cpu: it has computed for 0.1 s")
    assert.equal(152, code)
  end)

  it("--max-cpu counts what the script has started, and not what it waits", function()
    local output <const>, code <const> = run({ "--max-cpu=0.1" }, [[
      local lull = require "lull"
      lull.sleep(0.15)
      print "slept"
      lull.spawn(function() while true do end end)
      lull.sleep(60)]])
    contains(output, "slept")
    assert.equal(152, code)
  end)

  it("--max-cpu counts finalizers, also those that make the next", function()
    local output <const>, code <const> = run({ "--max-cpu=0.1" }, [[
      local function again()
        setmetatable({}, { __gc = function()
          again()
          collectgarbage()
          local till = os.clock() + 0.02
          while os.clock() < till do end
        end })
      end
      again()
      collectgarbage()]])
    contains(output, "--max-cpu: it has computed for 0.1 s")
    assert.equal(152, code)
  end)

  it("--max-tasks and --max-handles", function()
    contains(run({ "--max-tasks=2" }, [[
      local lull = require "lull"
      for _ = 1, 3 do lull.spawn(lull.sleep, 60) end]]), "too many tasks: there may be 2")
    contains(run({ "--max-handles=1" }, "local a, b = io.open 's.lua', io.open 's.lua'"),
      "too many open handles: there may be 1")
    contains(run({ "--max-tasks=1" }, "require 'lull'.spawn(print)"), "\nlull: --max-tasks: there are no more than 1\n")
    contains(run({ "--max-handles=1" }, "a, b = io.open 's.lua', io.open 's.lua'"),
      "\nlull: --max-handles: there are no more than 1\n")
  end)

  for option, needs in pairs {
    ["--max-memory=0"] = "a size such as 64M", ["--max-memory=1T"] = "a size such as 64M",
    ["--max-memory=99999999999G"] = "a size such as 64M",
    ["--max-memory=99999999999999999999"] = "a size such as 64M", ["--max-memory=-1"] = "a size such as 64M",
    ["--max-cpu=0"] = "a number of seconds", ["--max-cpu=inf"] = "a number of seconds",
    ["--max-tasks=0"] = "a number from 1 on", ["--max-handles=x"] = "a number from 1 on",
  } do
    it("refuses " .. option, function()
      local output <const>, code <const> = run({ option }, "print 'ran'")
      contains(output, "lull: " .. option:match "^[^=]*" .. " needs " .. needs)
      assert.equal(1, code)
    end)
  end
end)

describe("for a misspelt", function()
  for arguments, complaint in pairs {
    [{ "--wokers=2", "s.lua" }] = "unrecognized option '--wokers=2'; did you mean '--workers'?",
    [{ "--wtach" }] = "unrecognized option '--wtach'; did you mean '--watch'?",
    [{ "--something" }] = "unrecognized option '--something'; 'lull --help' lists the options",
    [{ "--max-cpu" }] = "'--max-cpu' needs argument SECONDS",
    [{ "tset" }] = "cannot open tset: No such file or directory; did you mean 'lull test'?",
    [{ "hlep" }] = "cannot open hlep: No such file or directory; did you mean 'lull help'?",
    [{ "help", "tets" }] = "there is no command 'tets'; did you mean 'test'?",
    [{ "tets.lua" }] = "cannot open tets.lua",
    [{ "./tset" }] = "cannot open ./tset",
    [{ "run", "tset" }] = "cannot open tset",
    [{ "run" }] = "'run' needs a script",
  } do
    it("word there is one line: " .. table.concat(arguments, " "), function()
      local place <close> = folder {}
      local output, code <const> = place:run(arguments)
      output = output:gsub("(cannot open %g+): No such file or directory\n", "%1\n")
      assert.equal("lull: " .. complaint .. "\n", output)
      assert.equal(1, code)
    end)
  end

  for arguments, complaint in pairs {
    [{ "check", "--jsno" }] = "unrecognized option '--jsno'; 'lull check --help' lists the options",
    [{ "check", "--fromat=json" }] = "unrecognized option '--fromat=json'; did you mean '--format'?",
    [{ "check", "-quite" }] = "unrecognized option '-quite'; did you mean '--quiet'?",
    [{ "bundle", "--ouput", "p" }] = "unrecognized option '--ouput'; did you mean '--output'?",
    [{ "tree", "--timout=1" }] = "unrecognized option '--timout=1'; did you mean '--timeout'?",
    [{ "tree", "1", "2" }] = "one process, please, not '2'",
    [{ "ps", "--hlep" }] = "unrecognized option '--hlep'; did you mean '--help'?",
    [{ "ps", "-x" }] = "unrecognized option '-x'; 'lull ps --help' lists the options",
    [{ "ps", "1" }] = "no arguments, please: '1'",
    [{ "repl", "--conect=p" }] = "unrecognized option '--conect=p'; did you mean '--connect'?",
    [{ "test", "--no-shufle" }] = "unrecognized option '--no-shufle'; did you mean '--no-shuffle'?",
    [{ "test", "--job=2" }] = "unrecognized option '--job=2'; did you mean '--jobs'?",
    [{ "doc", "--hepl" }] = "unrecognized option '--hepl'; did you mean '--help'?",
    [{ "serve", "--prot=1" }] = "unrecognized option '--prot=1'; did you mean '--port'?",
  } do
    it("option of a command there is one line: " .. table.concat(arguments, " "), function()
      local place <close> = folder {}
      local output <const>, code <const> = place:run(arguments)
      assert.equal(("lull %s: %s\n"):format(arguments[1], complaint), output)
      assert.equal(arguments[1] == "check" and 2 or 1, code)
    end)
  end

  it("subcommand that is a script there is no suggestion", function()
    local place <close> = folder { tset = "print 'ran'" }
    assert.equal("ran\n", (place:run { "tset" }))
  end)
end)
