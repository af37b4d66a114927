--- programs_spec.lua: `lull ps` and `lull tree`: programs that run, and their tasks.

local find = require "lull.programs.find"
local lull = require "lull"
local native = require "lull.ask.native"
local process = require "lull.process"
local tree = require "lull.programs.tree"

local path <const> = os.getenv "LULL" or (os.getenv "LULL_BUILD" or "build") .. "/lull"

--- A program, once this code has said that it is ready.
local function start(code, ...)
  local child <const> = process.open { path, "-e", code, ... }
  assert(child.stdout:read "l" == "ready")
  return child
end

local READY <const> = "print 'ready' io.stdout:flush() "
local WAITS <const> = [[local lull = require 'lull'
  lull.after(0, function() print 'ready' io.stdout:flush() end)
  lull.spawn(lull.sleep_forever).name = 'a\27child'
  lull.sleep(60)]]

--- A program that waits in C.
local function start_busy()
  local child <const> = start(READY .. "io.read()")
  repeat
    lull.yield()
    local file <close> = assert(io.open(("/proc/%d/stat"):format(child.pid)))
  until file:read("a"):find "%) S "
  return child
end

local function run(...)
  return process.run({ path, ... }, { timeout = 60 })
end

describe("lull tree", function()
  it("shows the tasks of a program", function()
    local child <close> = start(WAITS)
    local result <const> = run("tree", tostring(child.pid))
    assert.are.same({ 0, "" }, { result.code, result.stderr })
    assert.matches("^main waiting for sleep since [%d.]+ s at %(command line%):4\n", result.stdout)
    assert.matches("\n  a%?child waiting for sleep_forever since", result.stdout)
  end)

  it("has all of a large one", function()
    local child <close> = start [[local lull = require 'lull'
      lull.after(0, function() print 'ready' io.stdout:flush() end)
      for i = 1, 5000 do lull.spawn(lull.sleep_forever).name = 'number' end lull.sleep(60)]]
    local _, count <const> = tree.ask(child.pid, 30):gsub("\n  number ", "")
    assert.are.equal(5000, count)
  end)

  it("hears of tasks that are cancelled, and leaves the program as it was", function()
    local child <close> = start(WAITS)
    for _ = 1, 5 do
      local question <close> = native.question(child.pid)
      question:send()
    end
    assert.matches("^main ", tree.ask(child.pid, 30))
    assert.matches("^main ", tree.ask(child.pid, 30))
    local pipe <close> = assert(io.popen("ls /proc/" .. child.pid .. "/fd -l | grep -c memfd"))
    assert.are.equal("0\n", pipe:read "a")
  end)

  it("shows where a program is that computes", function()
    local child <close> = start("local function spin() " .. READY .. "while true do end end spin()")
    local text <const> = tree.ask(child.pid, 30)
    assert.matches("^main running\nstack traceback:\n", text)
    assert.matches("%(command line%):1: in upvalue 'spin'\n", (text:gsub("local 'spin'", "upvalue 'spin'")))
  end)

  it("says so when a program is busy in C", function()
    local child <close> = start_busy()
    local result <const> = run("tree", "--timeout=0.3", tostring(child.pid))
    assert.are.same({ 1, "" }, { result.code, result.stdout })
    assert.matches("^lull tree: process %d+ has not answered in 0.3 s: it is busy in C\n$", result.stderr)
  end)

  it("says so when a program is stopped", function()
    local child <close> = start(WAITS)
    child:kill "STOP"
    local result <const> = run("tree", "--timeout=0.3", tostring(child.pid))
    child:kill "CONT"
    assert.matches("^lull tree: process %d+ has not answered in 0.3 s: it is stopped\n$", result.stderr)
    assert.matches("^main ", tree.ask(child.pid, 30))
  end)

  it("can be cancelled", function()
    local child <close> = start_busy()
    assert.is_false(lull.move_on_after(0.05, tree.ask, child.pid, 60))
  end)

  it("says so when a program ends meanwhile", function()
    local child <close> = start_busy()
    local asking <const> = lull.async(function() return tree.ask(child.pid, 60) end)()
    lull.yield()
    child:kill "KILL"
    assert.has_error(function() asking:await() end, ("there is no process %d"):format(child.pid))
  end)

  it("sends nothing to what is no lull program", function()
    local child <close> = process.open { "sleep", "60" }
    local result <const> = run("tree", tostring(child.pid))
    assert.matches("process %d+ is no lull program of this user", result.stderr)
    assert.is_nil(find.look(child.pid))
    child:kill()
    child:wait()
    assert.matches("there is no process " .. child.pid, run("tree", tostring(child.pid)).stderr)
  end)

  it("sends nothing to a program that is not ready, or has no tasks", function()
    local parent <close> =
      process.open { path, "--workers", "1", "-e", "print 'ready' io.stdout:flush() require 'lull'.sleep(60)" }
    assert(parent.stdout:read "l" == "ready")
    assert.matches("has no tasks of its own", run("tree", tostring(parent.pid)).stderr)
  end)

  it("reads its command line", function()
    assert.are.same({ pid = 12, timeout = 0.5 }, tree.parse("--timeout", "0.5", "12"))
    for _, wrong in ipairs { { "x" }, { "1", "2" }, { "--timeout=x" }, { "--timeout" }, { "0" }, { "-5" } } do
      assert.is_false((pcall(tree.parse, table.unpack(wrong))), wrong[1])
    end
  end)
end)

describe("lull ps", function()
  it("lists the programs that run", function()
    local child <close> = start(WAITS, "some", "ar\tgument")
    local result <const> = run "ps"
    assert.matches("^ +PID +RUNS +CPU +MEMORY  COMMAND\n", result.stdout)
    local line <const> = result.stdout:match("\n%s*" .. child.pid .. " ([^\n]*)\n")
    assert.matches("^%s*[%d.]+s%s+[%d.]+s%s+[%d.]+ M  %S+ %-e local lull.* some ar gument$", line)
  end)

  it("knows bundles, whatever they are called", function()
    local fs <const> = require "lull.fs"
    local dir <close> = fs.temp_dir()
    fs.write_file(dir.path .. "/a.lua", "print 'ready' io.stdout:flush() require 'lull'.sleep(60)")
    require("lull.bundle.command").build { script = dir.path .. "/a.lua", output = dir.path .. "/other name" }
    local child <close> = process.open { dir.path .. "/other name" }
    assert(child.stdout:read "l" == "ready")
    local program <const> = find.look(child.pid)
    assert.matches("/other name$", program.command)
    assert.is_true(program.answers)
    assert.matches("^main ", tree.ask(child.pid, 30))
  end)

  it("takes no arguments", function()
    assert.are.equal(1, run("ps", "x").code)
    assert.matches("^usage: lull ps\n", run("ps", "--help").stdout)
  end)
end)
