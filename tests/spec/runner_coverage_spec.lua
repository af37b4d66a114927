--- `lull test --coverage`: which lines ran, as a table and as an LCOV file.
local process = require "lull.process"
local runner = require "tests.spec.support_runner"

local contains <const>, lacks <const> = runner.contains, runner.lacks

local MODULE <const> = [[
local mod = {}
function mod.good(a)
  if a then
    return 1
  else
    return 2
  end
end
local function never()
  local t = {
    a = 1,
  }

  return t
end
mod.never = never
return mod
]]

describe("lull test --coverage", function()
  local project

  before_each(function()
    project = runner.project()
    project:write("src/mod.lua", MODULE)
    project:write("spec/a_spec.lua", [[
      local lull = require "lull"
      it("a", function()
        local mod = require "mod"
        lull.async(function() coroutine.wrap(mod.good)(true) end)():await()
      end)]])
  end)
  after_each(function() project.folder:remove() end)

  it("names lines and functions in tasks and coroutines", function()
    project:ends("1 passed, 0 failed", "--coverage")
    assert.equal([[
TN:
SF:src/mod.lua
FN:2,mod.good
FN:9,never
FNDA:1,mod.good
FNDA:0,never
FNF:2
FNH:1
DA:1,1
DA:2,1
DA:3,1
DA:4,1
DA:6,0
DA:10,0
DA:11,0
DA:14,0
DA:16,1
DA:17,1
LF:10
LH:6
end_of_record
]], project:read "lcov.info")
  end)

  it("prints a table with the ranges that did not run", function()
    local output <const> = project:ends("1 passed, 0 failed", "-c")
    assert.matches("src/mod%.lua +10 +60%.0 +6%-14\n", output)
    assert.matches("in all +10 +60%.0", output)
    lacks(output, "a_spec.lua ")
  end)

  it("writes where it is told to, what genhtml takes", function()
    project:ends("1 passed, 0 failed", "--coverage=out.info")
    local ok <const>, result <const> = pcall(process.run,
      { "genhtml", "--quiet", "-o", "html", "out.info" }, { cwd = project.path })
    if not ok then pending "without lcov" end
    assert.equal(0, result.code, result.stderr)
  end)

  it("counts what jobs ran together", function()
    project:write("spec/b_spec.lua", [[it("b", function() require "mod".good(false) end)]])
    project:ends("2 passed, 0 failed", "--coverage", "--jobs=2")
    contains(project:read "lcov.info", "DA:4,1\nDA:6,1\n")
  end)

  it("goes on when time slices of a computing test come and go", function()
    project:write("spec/a_spec.lua", [[
      it("a", function()
        local mod = require "mod"
        local stop = os.clock() + 0.3
        while os.clock() < stop do mod.good(true) end
        mod.good(false)
      end)
      it("b", function() while true do pcall(require "mod".good) end end)]])
    project:ends_within(0.5, "1 passed, 1 failed", "--coverage", "--shuffle-tasks")
    contains(project:read "lcov.info", "DA:6,")
    lacks(project:read "lcov.info", "DA:6,0")
  end)

  it("takes files by --coverage-include, those that nobody loads as well", function()
    project:write("src/other.lua", "#!/usr/bin/lua\nreturn 1\n")
    project:write("tools/x.lua", "return 1\n")
    local output <const> = project:ends("1 passed, 0 failed", "--coverage-include=src/**")
    assert.matches("src/other%.lua +1 +0%.0 +2\n", output)
    contains(output, "src/mod.lua")
    lacks(output, "tools/x.lua")
  end)

  it("shows no control characters in the names of files, nor lines that they make up", function()
    project:write("src/a\nSF:made_up.lua", "return 1\n")
    project:write("src/b\27[31m.lua", "return 1\n")
    local output <const> = project:ends("1 passed, 0 failed", "--coverage-include=src/**")
    contains(output, "src/b?[31m.lua")
    contains(project:read "lcov.info", "SF:src/a?SF:made_up.lua\n")
    lacks(project:read "lcov.info", "\27")
  end)

  it("leaves files out by --coverage-exclude", function()
    local output <const> = project:ends("1 passed, 0 failed", "--coverage-exclude=mod.lua")
    lacks(output, "src/mod.lua")
  end)

  it("fails the run below --coverage-min", function()
    local output <const>, code <const> = project:test("--coverage-min=61")
    contains(output, "60.0 % of the lines ran, --coverage-min asks for 61")
    assert.equal(1, code)
    assert.equal(0, select(2, project:test("--coverage-min=60")))
  end)

  it("says that the file cannot be written", function()
    local output <const>, code <const> = project:test("--coverage=missing/lcov.info")
    contains(output, "cannot write the coverage")
    assert.equal(1, code)
  end)
end)
