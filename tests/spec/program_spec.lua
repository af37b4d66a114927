--- The program: options, arg, exit codes, messages and search paths as those of lua5.4.

local program <const> = os.getenv "LULL" or (os.getenv "LULL_BUILD" or "build") .. "/lull"

--- A folder of scripts, removed when it is closed.
local function scripts(files)
  local path <const> = os.tmpname()
  os.remove(path)
  assert(os.execute(("mkdir '%s'"):format(path)))
  for name, text in pairs(files) do
    local file <const> = assert(io.open(path .. "/" .. name, "w"))
    file:write(text)
    file:close()
  end
  return setmetatable({ path = path }, {
    __close = function() os.execute(("rm -r '%s'"):format(path)) end,
  })
end

--- Run a shell command in the folder with $LUA as `name`; what it printed, and its exit code.
local function run(folder, name, command)
  local absolute <const> = name:find("/", 1, true) and not name:find("^/")
  local lua <const> = absolute and '"$OLDPWD"/' .. name or name
  local script <const> = ("cd '%s' && LUA=%s; %s"):format(folder.path, lua, command)
  local pipe <const> = assert(io.popen(("{ %s; } 2>&1 </dev/null"):format(script)))
  local output = pipe:read "a"
  local _, how, code = pipe:close()
  output = output:gsub("[%w%./_-]*lull:", "lua5.4:"):gsub("[%w%./_-]+/lull%f[%s]", "lua5.4")
  return output, how == "exit" and code or how .. " " .. code
end

local files <const> = {
  ["args.lua"] = [[#!/usr/bin/env lua
print(...)
for i = 0, #arg do io.write(i, "=", arg[i], " ") end
print(#arg, arg[-1] ~= nil)]],
  ["syntax.lua"] = "x = = 1",
  ["junk.lua"] = "\0\1junk",
  ["bytecode.lua"] = "\27LuaX",
  ["exit5.lua"] = "os.exit(5)",
  ["exit_true.lua"] = "os.exit(true, true)",
  ["exit_false.lua"] = "os.exit(false)",
  ["returns.lua"] = "return 1, 2",
  ["unreadable.lua"] = "print 1",
  ["sets.lua"] = "x = 1",
}

--- Whole output and exit code are those of lua5.4.
local same <const> = {
  ["a script with arguments"] = "$LUA args.lua x y",
  ["code and then a script"] = "$LUA -e 'print(1)' args.lua q",
  ["several pieces of code share globals"] = "$LUA -e 'x=1' -e 'print(x)'",
  ["an option with its value attached"] = "$LUA -ex=1 -e 'print(x)'",
  ["a module into its global"] = "$LUA -l string -e 'print(string ~= nil)'",
  ["a module into another global"] = "$LUA -l s=string -e 'print(s == string)'",
  ["a script from stdin"] = "$LUA - <args.lua",
  ["a script from a pipe"] = "cat args.lua | $LUA",
  ["a script from a pipe, with arguments"] = "cat args.lua | $LUA - b c",
  ["the end of options"] = "$LUA -- args.lua z",
  ["a script that is not there"] = "$LUA none.lua",
  ["a folder as a script"] = "$LUA .",
  ["binary junk as a script"] = "$LUA junk.lua",
  ["a wrong syntax"] = "$LUA syntax.lua",
  ["wrong bytecode"] = "$LUA bytecode.lua",
  ["a wrong syntax in code"] = "$LUA -e 'x = = 1'",
  ["os.exit with a number"] = "$LUA exit5.lua",
  ["os.exit with true, closing"] = "$LUA exit_true.lua",
  ["os.exit with false"] = "$LUA exit_false.lua",
  ["a script that returns values"] = "$LUA returns.lua",
  ["warnings on"] = "$LUA -W -e 'warn(\"hi\")'",
  ["warnings switched on, in pieces"] = "$LUA -e 'warn(\"@on\") warn(\"a\", \"b\") warn(\"c\")'",
  ["warnings off"] = "$LUA -e 'warn(\"hi\")'",
  ["the search paths"] = "$LUA -e 'print(package.path) print(package.cpath)'",
  ["LUA_PATH"] = "LUA_PATH='/x/?.lua;;' $LUA -e 'print(package.path)'",
  ["LUA_PATH ignored"] = "LUA_PATH='/x/?.lua;;' $LUA -E -e 'print(package.path)'",
  ["LUA_INIT with code"] = "LUA_INIT='print(99)' $LUA -e 'print(1)'",
  ["LUA_INIT with a file"] = "LUA_INIT=@sets.lua $LUA -e 'print(x)'",
  ["LUA_INIT_5_4 before LUA_INIT"] = "LUA_INIT_5_4='print(5)' LUA_INIT='print(9)' $LUA -e ''",
  ["LUA_INIT ignored"] = "LUA_INIT='print(99)' $LUA -E -e 'print(1)'",
  ["a wrong LUA_INIT"] = "LUA_INIT='x=' $LUA -e 'print(1)'",
  ["the state of the main chunk"] =
    "$LUA -e 'print(coroutine.isyieldable(), select(2, coroutine.running()))'",
}

describe("as with lua5.4:", function()
  for name, command in pairs(same) do
    it(name, function()
      local folder <close> = scripts(files)
      local output, code = run(folder, program, command)
      local expected, expected_code = run(folder, "lua5.4", command)
      assert.equal(expected, output)
      assert.equal(expected_code, code)
    end)
  end
end)

describe("the program", function()
  local function outcome(command, name)
    local folder <close> = scripts(name and { [name[1]] = name[2] } or {})
    return run(folder, program, command)
  end

  it("refuses an unknown option in one line and with exit 1", function()
    local output, code = outcome "$LUA -x"
    assert.equal("lua5.4: unrecognized option '-x'; 'lull --help' lists the options\n", output)
    assert.equal(1, code)
  end)

  it("refuses an option without its value", function()
    local output, code = outcome "$LUA -e"
    assert.truthy(output:find("'-e' needs argument", 1, true))
    assert.equal(1, code)
  end)

  it("prints its version and the libraries' on one line", function()
    local output, code = outcome "$LUA --version"
    assert.truthy(output:find "^lull %d+%.%d+%.%d+ %(Lua 5%.4%.%d+, libevent 2[%w%.-]+%)\n$")
    assert.equal(0, code)
  end)

  it("prints help", function()
    local output, code = outcome "$LUA --help"
    assert.truthy(output:find("usage: ", 1, true))
    assert.equal(0, code)
  end)

  it("runs a script by `run`, whatever its name", function()
    local output, code = outcome("$LUA run test a b", { "test", "print(arg[0], ...)" })
    assert.equal("test\ta\tb\n", output)
    assert.equal(0, code)
  end)

  it("awaits at the top level of every kind of chunk", function()
    local await <const> = "require \"lull\".sleep(0) print(1)"
    assert.equal("1\n", (outcome("$LUA s.lua", { "s.lua", await })))
    assert.equal("1\n", (outcome(("$LUA -e '%s'"):format(await))))
    assert.equal("1\n", (outcome(("echo '%s' | $LUA"):format(await))))
    assert.equal("1\n", (outcome(("LUA_INIT='%s' $LUA -e ''"):format(await))))
  end)

  it("ends when the main task and what it owns have ended", function()
    local output <const> = outcome [[$LUA -e '
      local lull = require "lull"
      lull.spawn(function() lull.sleep(0.01) print "child" end)
      print "main"']]
    assert.equal("main\nchild\n", output)
  end)

  it("shows where an uncaught error was raised, and in which tasks", function()
    local output, code = outcome("$LUA s.lua", { "s.lua", [[
local lull = require "lull"
local function fail() error "oops" end
local function child() lull.yield() fail() end
lull.spawn(child)
lull.sleep(1)]] })
    assert.equal(1, code)
    for _, part in ipairs { "s.lua:2: oops", "s.lua:2: in upvalue 'fail'", "s.lua:3: in function",
      "[task] function s.lua:3, started by s.lua" } do
      assert.truthy(output:find(part, 1, true), part .. " is not in: " .. output)
    end
  end)

  it("shows an error object as its text", function()
    local output, code = outcome [[$LUA -e '
      error(setmetatable({}, { __tostring = function() return "custom" end }))']]
    assert.equal("lua5.4: custom", output:match "^[^\n]*")
    assert.equal(1, code)
  end)

  it("prints the tree of tasks on SIGUSR1 and goes on", function()
    local output, code = outcome("$LUA s.lua", { "s.lua", [[
local lull = require "lull"
lull.group(function(g)
  g:spawn(function()
    os.execute("kill -USR1 $PPID")
    lull.sleep(0.05)
    print "end"
    g:cancel()
  end)
  lull.sleep(60)
end)]] })
    assert.truthy(output:find("s.lua waiting for sleep", 1, true), output)
    assert.truthy(output:find("end\n$"))
    assert.equal(0, code)
  end)

  it("cancels the main task on SIGINT, lets it clean up and exits 130", function()
    local output, code = outcome("$LUA s.lua", { "s.lua", [[
local lull = require "lull"
local _ <close> = lull.finally(function(e) lull.sleep(0.001) print("cleanup", e.kind, e.reason) end)
lull.spawn(function() io.popen("kill -INT $PPID"):close() end)
lull.sleep(10)
print "not reached"]] })
    assert.equal("cleanup\tcancelled\tinterrupt\n", output)
    assert.equal(130, code)
  end)

  it("treats SIGTERM alike and exits 143", function()
    local output, code = outcome("$LUA s.lua", { "s.lua", [[
local lull = require "lull"
local _ <close> = lull.finally(function(e) lull.sleep(0.001) print("cleanup", e.kind) end)
lull.spawn(function() io.popen("kill -TERM $PPID"):close() end)
lull.sleep(10)]] })
    assert.equal("cleanup\tcancelled\n", output)
    assert.equal(143, code)
  end)

  it("treats SIGHUP alike and exits 129: nothing is left of a script whose terminal is gone", function()
    local output, code = outcome("$LUA s.lua", { "s.lua", [[
local lull = require "lull"
local process = require "lull.process"
local child = process.open({ "sleep", "1000" }, { stdin = "null", stdout = "null" })
io.write(child.pid, " ")
local _ <close> = lull.finally(function(e) lull.sleep(0.001) print("cleanup", e.kind) end)
lull.spawn(function() io.popen("kill -HUP $PPID"):close() end)
lull.sleep(10)]] })
    local pid <const>, rest <const> = output:match "^(%d+) (.*)"
    assert.equal("cleanup\tcancelled\n", rest)
    assert.equal(129, code)
    assert.is_false(require("lull.fs").exists("/proc/" .. pid))
  end)

  it("ignores SIGHUP when it is started so", function()
    local output, code = outcome("trap '' HUP; $LUA s.lua", { "s.lua", [[
io.popen("kill -HUP $PPID"):close()
require("lull").sleep(0.001)
print "on"]] })
    assert.equal("on\n", output)
    assert.equal(0, code)
  end)

  it("does not take closed standard descriptors for its own", function()
    local output, code = outcome("$LUA s.lua <&-", { "s.lua", [[
print(io.read(0), require("lull.net").pair():fd() > 2)]] })
    assert.equal("nil\ttrue\n", output)
    assert.equal(0, code)
  end)

  it("runs a script in several processes", function()
    local output, code = outcome("$LUA --workers 3 s.lua", { "s.lua", [[
print("worker " .. os.getenv "LULL_WORKER")]] })
    local lines <const> = {}
    for line in output:gmatch "[^\n]+" do lines[#lines + 1] = line end
    table.sort(lines)
    assert.same({ "worker 1", "worker 2", "worker 3" }, lines)
    assert.equal(0, code)
  end)

  it("passes SIGTERM on to the workers and exits as they do", function()
    local output, code = outcome("$LUA --workers=2 s.lua", { "s.lua", [[
local lull = require "lull"
local _ <close> = lull.finally(function() print "cleanup" end)
if os.getenv "LULL_WORKER" == "2" then
  io.popen([==[kill -TERM $(cut -d' ' -f4 /proc/$PPID/stat)]==]):close()
end
lull.sleep(30)]] })
    assert.truthy(output:find "cleanup", output)
    assert.equal(143, code)
  end)

  it("does not start a worker again that fails at once, says so, and exits as it did", function()
    local output, code = outcome("$LUA --workers=2 s.lua", { "s.lua", [[
if os.getenv "LULL_WORKER" == "2" then os.exit(7) end]] })
    assert.truthy(output:find("worker 2 ended with 7 at once and is not started again", 1, true), output)
    assert.equal(7, code)
  end)

  it("refuses a number of workers that is none", function()
    local output, code = outcome("$LUA --workers none s.lua", { "s.lua", "" })
    assert.truthy(output:find("--workers needs a number from 1 to 1024, not 'none'", 1, true), output)
    assert.equal(1, code)
  end)

  it("ends by SIGPIPE when nobody reads what it prints", function()
    local folder <close> = scripts {}
    for _, code in ipairs { "while true do print(1) end", "for i = 1, math.huge do io.write(i, '\\n') end" } do
      local command <const> = ('{ timeout 50 "$LUA" -e "%s"; echo $? >code; } | head -n 1; cat code'):format(code)
      assert.equal("1\n141\n", (run(folder, program, command)))
    end
  end)

  it("goes on when what it started does not read what it writes", function()
    local folder <close> = scripts {}
    assert.equal("done\n", (run(folder, program, [["$LUA" -e "local p = io.popen('true', 'w')
      for _ = 1, 1000 do p:write(('x'):rep(1000)) end p:close() print 'done'"]])))
  end)

  it("ends at once on a second SIGINT", function()
    local output, code = outcome("$LUA s.lua", { "s.lua", [[
local lull = require "lull"
local _ <close> = lull.finally(function()
  print "cleanup"
  io.stdout:flush()
  io.popen("kill -INT $PPID"):close()
  lull.sleep(10)
  print "not reached"
end)
io.popen("kill -INT $PPID"):close()
lull.sleep(10)]] })
    assert.equal("cleanup\n", (output:gsub("\n+$", "\n")))
    assert.truthy(code == 130 or tostring(code):find "signal" )
  end)

  it("cancels a main task that computes on SIGINT", function()
    local _, code = outcome("$LUA s.lua", { "s.lua", [[
io.popen("sleep 0.1; kill -INT $PPID")
while true do end]] })
    assert.equal(130, code)
  end)
end)
