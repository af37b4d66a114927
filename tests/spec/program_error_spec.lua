--- How the program shows errors on a terminal, and what it tells when it is asked.

local lull = require "lull"
local process = require "lull.process"
local here <const> = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local support <const> = dofile(here .. "support_program.lua")
local folder, line = support.folder, support.line

local SCRIPT <const> = [[
local lull = require "lull"
local function child() lull.yield() local x = foo.bar end
lull.gather(child)]]

local PLAIN <const> = [[
lull: s.lua:2: attempt to index a nil value (global 'foo')
stack traceback:
	s.lua:2: in function <s.lua:2>
	[task] function s.lua:2, started by s.lua
	[C]: in field 'gather'
	s.lua:3: in main chunk
	[task] s.lua
]]

--- The same with styles as {red}, {bold}, {dim}, {}.
local STYLED <const> = [[
{red}lull: {}{bold}s.lua:2: attempt to index a nil value (global 'foo'){}
{dim}    2 |{} local function child() lull.yield() local x = foo.bar end
{dim}stack traceback:{}
	s.lua:2: in function <s.lua:2>
	[task] function s.lua:2, started by s.lua
{dim}	[C]: in field 'gather'{}
	s.lua:3: in main chunk
	[task] s.lua
]]

local NAMES <const> = { ["1;31"] = "red", ["1"] = "bold", ["2"] = "dim", ["0"] = "" }

local function named(text)
  return (text:gsub("\27%[([%d;]*)m", function(codes) return "{" .. NAMES[codes] .. "}" end))
end

--- What a script that fails makes the program print, with the environment.
local function output(code, env, files)
  local place <close> = folder(files)
  place:write("s.lua", code)
  env.inherit = true
  return named((place:run({ "s.lua" }, { env = env })))
end

describe("an error", function()
  it("is plain text where stderr is no terminal", function()
    assert.equal(PLAIN, output(SCRIPT, { FORCE_COLOR = false, NO_COLOR = false }))
  end)

  it("has colours and its line of the source where these are wanted", function()
    assert.equal(STYLED, output(SCRIPT, { FORCE_COLOR = "1", NO_COLOR = "1" }))
  end)

  it("has them on a terminal, but for NO_COLOR, FORCE_COLOR=0 and a dumb one", function()
    local place <close> = folder { ["s.lua"] = SCRIPT }
    for expected, settings in pairs {
      [STYLED] = { { TERM = "xterm" }, { TERM = "xterm", NO_COLOR = "" } },
      [PLAIN] = { { TERM = "xterm", NO_COLOR = "1" }, { TERM = "dumb" }, { TERM = "xterm", FORCE_COLOR = "0" } },
    } do
      for _, env in ipairs(settings) do
        env.inherit = true
        env.NO_COLOR, env.FORCE_COLOR = env.NO_COLOR or false, env.FORCE_COLOR or false
        local program <close> = process.open({ support.path, "s.lua" },
          { cwd = place.path, env = env, pty = { columns = 200 } })
        assert.equal(expected, (named(program.stdout:read "a"):gsub("\r\n", "\n")))
      end
    end
  end)

  it("of a syntax shows the line, in a module, too", function()
    assert.equal("{red}lull: {}{bold}s.lua:2: unexpected symbol near '='{}\n{dim}    2 |{} y = = 1\n",
      output("x = 1\ny = = 1", { FORCE_COLOR = "1" }))
    local text <const> = output("require 'm'", { FORCE_COLOR = "1" }, { ["m.lua"] = "\n\nlocal = 1" })
    assert.truthy(text:find("\t./m.lua:3: <name> expected near '='\n{dim}    3 |{} local = 1\n", 1, true), text)
  end)

  it("that nobody received shows the line", function()
    local text <const> = output([[
      local lull = require "lull"
      lull.async(function() error "lost" end)():detach()
      lull.sleep(0.001)]], { FORCE_COLOR = "1" })
    assert.truthy(text:find("{red}lull: {}{bold}error nobody received: s.lua:2: lost (in task", 1, true), text)
    assert.truthy(text:find("\n{dim}    2 |{}       lull.async(", 1, true), text)
  end)

  it("without a place shows where it was raised, if that can be read", function()
    local text = output("error({})", { FORCE_COLOR = "1" })
    assert.truthy(text:find("\n{dim}    1 |{} error({})\n", 1, true), text)
    text = output("load('error({})', '=none:1:')()", { FORCE_COLOR = "1" })
    assert.truthy(text:find("stack traceback", 1, true), text)
  end)

  it("of a script that is not allowed everything shows no line of a file that it names", function()
    local place <close> = folder { ["s.lua"] = "error('/etc/passwd:1: x', 0)" }
    local text <const> = place:run({ "--sandbox", "s.lua" }, { env = { inherit = true, FORCE_COLOR = "1" } })
    assert.truthy(text:find("/etc/passwd:1: x", 1, true), text)
    assert.falsy(text:find("root:", 1, true), text)
  end)

  it("shows no control characters of the source, nor all of a long line", function()
    local text <const> = output("--[[\27[31m]] local s = '" .. ("x"):rep(1000) .. "' error(s:sub(1, 1))",
      { FORCE_COLOR = "1" })
    assert.truthy(text:find("{dim}    1 |{} --[[?[31m]] local s", 1, true), text)
    assert.falsy(text:find(("x"):rep(500), 1, true))
  end)
end)

describe("SIGUSR1", function()
  it("prints where a script is that computes", function()
    local place <close> = folder { ["s.lua"] = [[
      local lull = require "lull"
      lull.spawn(lull.sleep, 60)
      lull.yield()
      print "ready"
      io.stdout:flush()
      while true do end]] }
    local program <close> = place:start { "s.lua" }
    line(program, "ready")
    program:kill "USR1"
    line(program, "s.lua running")
    line(program, "waiting for sleep")
    line(program, ": in main chunk")
    program:kill "INT"
    assert.equal(130, program:wait())
  end)

  it("may come at any time", function()
    local place <close> = folder { ["s.lua"] = [[
      print "ready"
      io.stdout:flush()
      local lull = require "lull"
      for i = 1, 300 do
        coroutine.wrap(function() for _ = 1, 500 do pcall(string.rep, "x", 3) end coroutine.yield() end)()
        lull.gather(lull.yield, function() table.sort({ 3, 1, 2 }, function(a, b) return a < b end) end)
      end
      io.stderr:write "end\n"]] }
    local program <close> = place:start { "s.lua" }
    line(program, "ready")
    local pestering <const> = lull.async(function()
      while program:kill "USR1" do lull.yield() end
    end)()
    line(program, "end")
    program.stdout:read "a"
    assert.equal(0, program:wait())
    pestering:cancel()
  end)
end)

describe("os.exit", function()
  it("in a finalizer at the very end decides", function()
    local place <close> = folder { ["s.lua"] = "x = setmetatable({}, { __gc = function() os.exit(9) end })" }
    assert.equal(9, select(2, place:run { "s.lua" }))
    place:write("s.lua", "x = setmetatable({}, { __gc = function() os.exit(9) end }) os.exit(5, true)")
    assert.equal(9, select(2, place:run { "s.lua" }))
  end)
end)

describe("standard streams that are closed", function()
  it("are /dev/null, each of them", function()
    local place <close> = folder { ["s.lua"] = [[
      local fs = require "lull.fs"
      local streams = {}
      for fd = 0, 2 do streams[#streams + 1] = fs.readlink("/proc/self/fd/" .. fd) end
      io.stdout:write "lost"
      io.stderr:write "lost"
      fs.write_file("out", table.concat(streams, " ") .. " " .. tostring(io.read()))]] }
    local fs <const> = require "lull.fs"
    process.run({ "sh", "-c", 'exec "$0" s.lua <&- >&- 2>&-', support.path }, { cwd = place.path, check = true })
    assert.equal("/dev/null /dev/null /dev/null nil", fs.read_file(place.path .. "/out"))
  end)
end)

describe("a method called with . for :", function()
  it("blames the script, and names the class", function()
    local place <close> = folder { ["s.lua"] = [[
local fs, log, term = require "lull.fs", require "lull.log", require "lull.term"
local process <close> = require "lull.process".open { "true" }
local dir <close> = fs.temp_dir()
local watch <close> = fs.watch(dir.path)
local bar, spinner, logger = term.progress {}, term.spinner "spinner", log.logger "x"
local function try(fn) print(select(2, pcall(fn))) end
try(function() process.wait() end)
try(function() process.status() end)
try(function() process.close() end)
try(function() process.kill("TERM") end)
try(function() watch.next() end)
try(function() watch.close() end)
try(function() dir.remove() end)
try(function() bar.advance(1) end)
try(function() bar.finish() end)
try(function() spinner.finish() end)
try(function() logger.info("h") end)
try(function() logger.try("h", print) end)]] }
    assert.equal([[
spinner
s.lua:7: bad argument #1 to 'wait' (lull.process.Process expected, got no value)
s.lua:8: bad argument #1 to 'status' (lull.process.Process expected, got no value)
s.lua:9: bad argument #1 to 'close' (lull.process.Process expected, got no value)
s.lua:10: bad argument #1 to 'kill' (lull.process.Process expected, got string)
s.lua:11: bad argument #1 to 'next' (lull.fs.Watch expected, got no value)
s.lua:12: bad argument #1 to 'close' (lull.fs.Watch expected, got no value)
s.lua:13: bad argument #1 to 'remove' (lull.fs.TempDir expected, got no value)
s.lua:14: bad argument #1 to 'advance' (lull.term.Bar expected, got number)
s.lua:15: bad argument #1 to 'finish' (lull.term.Bar expected, got no value)
s.lua:16: bad argument #1 to 'finish' (lull.term.Spinner expected, got no value)
s.lua:17: bad argument #1 to 'info' (lull.log.Logger expected, got string)
s.lua:18: bad argument #1 to 'try' (lull.log.Logger expected, got string)
]], (place:run { "s.lua" }))
  end)
end)
