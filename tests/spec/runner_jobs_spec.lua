--- `lull test --jobs`, `--watch`: processes that run the specs.
local fs = require "lull.fs"
local lull = require "lull"
local process = require "lull.process"
local runner = require "tests.spec.support_runner"

local contains <const> = runner.contains

describe("lull test --jobs", function()
  local project

  before_each(function() project = runner.project() end)
  after_each(function() project.folder:remove() end)

  it("tells of every file in order, and adds up", function()
    project:write("spec/a_spec.lua", [[
      local lull = require "lull"
      print "from a"
      describe("x", function()
        it("one", function() lull.sleep(0.2) end)
        it("two", function() error "oops" end)
        pending "later"
      end)]])
    project:write("spec/b_spec.lua", [[
      print "from b"
      it("three", function() assert.same({ 1 }, { 2 }) end)
      describe("y", function() setup(function() error "in setup" end) it("four", function() end) end)]])
    local output <const> = project:ends("1 passed, 3 failed, 1 skipped", "-j2", "-o", "plainTerminal")
    assert.is_true(output:find "from a" < output:find "from b")
    contains(output, "x two\n")
    contains(output, "spec/a_spec.lua:5: oops")
    contains(output, "Expected objects to be the same")
    contains(output, "in setup")
  end)

  it("reports as one process does", function()
    project:write("spec/a_spec.lua", [[
      describe("x", function() it("one", function() end) it("two", function() error "oops" end) end)]])
    project:write("spec/b_spec.lua", [[it("three", function() end)]])
    assert.equal(project:test("-o", "TAP"), project:test("-o", "TAP", "-j2"))
    contains(project:test("-o", "json", "-j2"), '"name":"x two"')
    contains(project:test("-o", "gtest", "-j2"), "3 tests")
    local junit <const> = project:test("-o", "junit", "-j2")
    contains(junit, "name='x two'")
    contains(junit, "tests='3'")
  end)

  it("shows how far it is at a terminal", function()
    project:write("spec/a_spec.lua", [[it("a", function() print "printed" end)]])
    project:write("spec/b_spec.lua", [[it("b", function() end)]])
    local child <close> = process.open({ project.program, "test", "-j1" },
      { cwd = project.path, pty = true, env = { inherit = true, TERM = "xterm", NO_COLOR = 1 } })
    local text <const> = lull.timeout(50, function() return child.stdout:read "a" end)
    contains(text, "spec files")
    contains(text, "printed\r\n")
    contains(text, "2 passed, 0 failed\r\n")
  end)

  it("says so when a process dies, and goes on", function()
    project:write("spec/a_spec.lua", [[
      it("a", function()
        local process = require "lull.process"
        process.run { "kill", "-KILL", tostring(process.pid()) }
      end)]])
    project:write("spec/b_spec.lua", [[it("b", function() end)]])
    local output <const> = project:ends("1 passed, 1 failed", "--jobs=2")
    contains(output, "the process of this file was ended by signal KILL")
  end)

  it("gives each a folder for temporary files of its own", function()
    for _, name in ipairs { "a", "b" } do
      project:write("spec/" .. name .. "_spec.lua", [[
        it("x", function() print("TMP " .. os.getenv "TMPDIR") end)]])
    end
    local first <const>, second <const> = project:ends("2 passed, 0 failed", "-j1")
      :match "TMP ([^\n]*).*TMP ([^\n]*)"
    assert.not_equal(first, second)
    assert.is_false(fs.exists(first))
  end)

  it("passes its options on, from .busted as well", function()
    project:write(".busted", [[return { _all = { timeout = 0.2, ["exclude-tags"] = "slow" } }]])
    project:write("spec/a_spec.lua", [[
      it("a #slow", function() end)
      it("b", function() require "lull".sleep(5) end)]])
    contains(project:ends("0 passed, 1 failed", "-j2"), "did not end within 0.2 s")
    project:ends("0 passed, 2 failed", "-j2", "--repeat=2")
    project:ends("0 passed, 1 failed", "-j1", "--no-keep-going")
  end)

  it("ends its processes when it is ended", function()
    project:write("spec/a_spec.lua", [[
      it("a", function()
        io.open("pid", "w"):write(require "lull.process".pid()):close()
        require "lull".sleep_forever()
      end)]])
    local child <close> = process.open({ project.program, "test", "-j2", "--timeout=100" },
      { cwd = project.path, stdin = "null", stdout = "null", stderr = "null" })
    lull.timeout(50, function()
      while not fs.exists(project.path .. "/pid") or project:read "pid" == "" do lull.sleep(0.01) end
    end)
    local pid <const> = project:read "pid"
    child:kill "INT"
    assert.equal(130, (child:wait()))
    assert.is_false(fs.exists("/proc/" .. pid))
  end)
end)

describe("lull test --watch", function()
  local project, child

  before_each(function()
    project = runner.project()
    project:write("src/mod.lua", "return 1\n")
    project:write("spec/a_spec.lua", [[it("a", function() print("mod", require "mod") end)]])
    project:write("spec/b_spec.lua", [[it("b", function() end)]])
  end)
  after_each(function()
    child:close()
    project.folder:remove()
  end)

  --- Start it at a terminal.
  local function start(...)
    child = process.open({ project.program, "test", "--watch", "-o", "TAP", ... },
      { cwd = project.path, pty = true, env = { inherit = true, NO_COLOR = 1 } })
  end

  --- What it prints until it waits.
  local function seen()
    local text = ""
    lull.timeout(50, function()
      while not text:find "waiting for a change[^\n]*\n" do text = text .. child.stdout:read_some() end
    end)
    return text
  end

  it("runs everything again when a module changes", function()
    start()
    contains(seen(), "mod\t1")
    project:write("src/mod.lua", "return 23\n")
    local text <const> = seen()
    contains(text, "src/mod.lua has changed")
    contains(text, "mod\t23")
    contains(text, "2 passed")
  end)

  it("with the processes of --jobs, too", function()
    start "-j2"
    seen()
    project:write("src/mod.lua", "return 23\n")
    local text <const> = seen()
    contains(text, "src/mod.lua has changed") -- and nothing of their own before
    contains(text, "mod\t23")
  end)

  it("is not moved by what specs load and remove", function()
    project:write("spec/b_spec.lua", [[it("b", function()
      local path = os.tmpname()
      local file = io.open(path, "w")
      file:write "return 1"
      file:close()
      assert.equal(1, dofile(path))
      os.remove(path)
    end)]])
    start()
    seen()
    project:write("src/mod.lua", "return 23\n")
    contains(seen(), "src/mod.lua has changed")
  end)

  it("runs a spec alone when only that has changed, or is new", function()
    start()
    seen()
    project:write("spec/b_spec.lua", [[it("changed", function() end)]])
    local text = seen()
    contains(text, "ok 1 - changed")
    contains(text, "1 passed")
    project:write("spec/c_spec.lua", [[it("new", function() end)]])
    text = seen()
    contains(text, "ok 1 - new")
    contains(text, "1 passed")
  end)

  it("runs all when Enter is typed, and ends when q is", function()
    start()
    seen()
    child.stdin:write "\n"
    contains(seen(), "2 passed")
    child.stdin:write "q\n"
    assert.equal(0, (child:wait()))
  end)

  it("ends with 130 by Ctrl-C", function()
    start()
    seen()
    child.stdin:write "\3"
    assert.equal(130, (child:wait()))
  end)
end)
