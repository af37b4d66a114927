--- `lull test`: the options that it shares with busted, time, order and tests that compute.
local process = require "lull.process"
local runner = require "tests.spec.support_runner"

local contains <const>, lacks <const> = runner.contains, runner.lacks

describe("lull test", function()
  local project

  before_each(function() project = runner.project() end)
  after_each(function() project.folder:remove() end)

  describe("stops a test that computes for ever", function()
    it("and says where it was", function()
      project:write("spec/a_spec.lua", [[
        it("a", function()
          while true do pcall(function() local x = 1 end) end
        end)
        it("b", function() end)]])
      local output <const>, limit <const> = project:ends_within(0.3, "1 passed, 1 failed")
      contains(output, ("the test computed for %g s without waiting"):format(limit))
      contains(output, "a_spec.lua:2: in ")
    end)

    it("in a task, a coroutine or a hook", function()
      project:write("spec/a_spec.lua", [[
        local lull = require "lull"
        local function spin() while true do end end
        it("a", function() lull.gather(lull.sleep_forever, spin) end)
        it("b", function() coroutine.wrap(spin)() end)
        it("c", function() table.sort({ 1, 2, 3 }, function() spin() end) end)
        describe("d", function()
          before_each(spin)
          it("e", function() end)
        end)
        it("f", function() end)]])
      local output <const>, limit <const> = project:ends_within(0.2, "1 passed, 4 failed")
      contains(output, ("before_each computed for %g s"):format(limit))
    end)

    it("in its cleanup", function()
      project:write("spec/a_spec.lua", [[
        local lull = require "lull"
        it("a", function()
          local _ <close> = lull.finally(function() while true do end end)
        end)
        it("b", function() end)]])
      project:ends_within(0.2, "1 passed, 1 failed")
    end)

    it("but not one that waits in between, or for a program", function()
      project:write("spec/a_spec.lua", [[it("a", function() os.execute "sleep 0.6" end)]])
      project:ends("1 passed, 0 failed", "--timeout=0.5")
      for _, limit in ipairs { 0.5, 5 } do -- of real time, too: longer where the machine is busy
        project:write("spec/a_spec.lua", ([[
          local lull = require "lull"
          local function spin()
            local stop = os.clock() + 0.3 * %g
            while os.clock() < stop do end
          end
          for i = 1, 4 do it("b" .. i, function() spin() lull.yield() spin() end) end]]):format(limit))
        local output <const>, _, last <const> = project:test(("--timeout=%g"):format(limit))
        if last == "4 passed, 0 failed" then return end
        contains(output, "did not end within") -- not: "computed for"
      end
      error "four tests were too slow, twice"
    end)
  end)

  it("runs tests in virtual time that are tagged so", function()
    project:write("spec/a_spec.lua", [[
      local lull = require "lull"
      describe("x", function()
        local task, late
        before_each(function() task = lull.spawn(function() lull.sleep(500) late = true end) end)
        it("a #virtual", function() lull.sleep(1000) assert.is_true(late) task:join() end)
      end)
      it("b #virtually", function() lull.sleep(1000) end)]])
    project:ends_within(0.2, "1 passed, 1 failed")
  end)

  it("runs all of them so with --virtual-time", function()
    project:write("spec/a_spec.lua", [[
      local lull = require "lull"
      it("a", function() lull.sleep(1000) end)
      it("b", function() lull.spawn(lull.sleep_forever) end)
      it("c", function() lull.sleep_forever() end)]])
    local output <const> = project:ends_within(0.2, "1 passed, 2 failed", "--virtual-time")
    contains(output, "1 task left running")
    contains(output, "waiting for sleep_forever")
  end)

  describe("tells the seed after a failure", function()
    before_each(function()
      project:write("spec/a_spec.lua", [[
        local lull = require "lull"
        for i = 1, 6 do
          it("a" .. i, function()
            local order = {}
            lull.group(function(group)
              for n = 1, 6 do group:spawn(table.insert, order, n) end
            end)
            print("ran " .. i .. ": " .. table.concat(order))
          end)
        end
        it("fails", function() error "oops" end)]])
    end)

    local function order_of(output)
      local lines <const> = {}
      for line in output:gmatch "ran [^\n]*" do lines[#lines + 1] = line end
      return lines
    end

    it("with a command that repeats it", function()
      local output <const> = project:ends("6 passed, 1 failed", "--shuffle", "--shuffle-tasks", "spec")
      local seed <const> = output:match
        "Shuffled with seed (%d+); the same order again:\n  lull test %-%-seed=%d+ %-%-shuffle %-%-shuffle%-tasks spec\n"
      assert.is_string(seed, output)
      local again <const> = project:test("--seed=" .. seed, "--shuffle", "--shuffle-tasks", "spec")
      assert.same(order_of(output), order_of(again))
    end)

    it("whose order of tasks is that of a test alone", function()
      local all <const> = order_of(project:test("--seed=7", "--shuffle-tasks"))
      local one <const> = order_of(project:test("--seed=7", "--shuffle-tasks", "--name=a3"))
      assert.same({ all[3] }, one)
      assert.not_equal("ran 3: 123456", one[1])
    end)

    it("and not otherwise", function()
      lacks(project:test "spec", "seed")
    end)
  end)

  it("shows with --verbose where the task failed that a test has waited for", function()
    project:write("spec/a_spec.lua", [[
      local lull = require "lull"
      local function deep()
        lull.yield()
        error "oops"
      end
      it("a", function()
        lull.async(deep)():await()
      end)]])
    local output <const> = project:ends("0 passed, 1 failed", "--verbose")
    assert.matches("a_spec%.lua:4: in .-%[task%].-a_spec%.lua:7: in ", output)
  end)

  it("reads .busted as busted does", function()
    project:write(".busted", [[return {
      _all = { helper = "help.lua", ["exclude-tags"] = "slow" },
      default = { ROOT = { "one" }, lpath = "lib/?.lua" },
      other = { ROOT = { "two" }, pattern = "_check" },
    }]])
    project:write("help.lua", "print 'helped'")
    project:write("lib/mine.lua", "return 42")
    project:write("one/a_spec.lua", [[
      it("a", function() assert.equal(42, require "mine") end)
      it("b #slow", function() end)]])
    project:write("two/a_check.lua", [[for i = 1, 3 do it("c" .. i, function() end) end]])
    contains(project:ends("1 passed, 0 failed"), "helped")
    project:ends("3 passed, 0 failed", "--run=other")
    project:ends("2 passed, 0 failed", "--exclude-tags=none")
    project:ends("3 passed, 0 failed", "--pattern=_check", "two")
    contains(project:test("--run=missing"), "no part 'missing'")
    project:write(".busted", "return nonsense(")
    contains(project:test(), ".busted:1:")
  end)

  it("takes busted's other options", function()
    project:write("src/a.lua", "return 1")
    project:write("spec/b_spec.lua", [[
      describe("x", function()
        it("z", function() print "ran z" assert.equal(1, require "a") end)
        it("y+", function() print "ran y" assert.equal(2, var) end)
        pending "w"
      end)]])
    project:write("spec/below/c_spec.lua", [[it("v", function() end)]])
    local output <const> = project:ends("3 passed, 0 failed, 1 skipped", "-e", "var = 2", "--sort", "-k",
      "--lazy", "--no-auto-insulate", "--lang=de", "--recursive", "-Xoutput", "--color", "-v")
    assert.is_true(output:find "ran y" < output:find "ran z")
    project:ends("1 passed, 0 failed", "-e", "var = 2", "--name=x y+")
    lacks(project:ends("2 passed, 0 failed, 1 skipped", "-e", "var = 2", "--no-recursive",
      "--suppress-pending"), "Pending")
    project:ends("1 passed, 0 failed", "--exclude-pattern=^b", "--output=json")
    contains(project:test("--exclude-pattern=^b", "-o", "gtest"), "1 test")
  end)

  it("writes nothing behind a document", function()
    project:write("spec/a_spec.lua", [[it("a", function() end)]])
    for _, handler in ipairs { "json", "junit", "TAP" } do
      local result <const> = process.run({ project.program, "test", "-o", handler, "--coverage" },
        { cwd = project.path, timeout = 60 })
      lacks(result.stdout, "1 passed")
      lacks(result.stdout, "in all")
      contains(result.stderr, "1 passed, 0 failed\n")
      contains(result.stderr, "in all")
    end
  end)

  it("ends with 1 when options leave no test to run", function()
    project:write("spec/a_spec.lua", [[it("a", function() end)]])
    for _, option in ipairs { "--filter=nosuch", "--filter-out=a", "--tags=nosuch", "--name=nosuch" } do
      for _, jobs in ipairs { "--no-verbose", "-j2" } do
        local result <const> = process.run({ project.program, "test", option, jobs },
          { cwd = project.path, timeout = 60 })
        assert.equal(1, result.code)
        assert.equal("lull test: no test matches\n", result.stderr)
      end
    end
    project:ends("1 passed, 0 failed", "--filter=a")
  end)

  it("asks whether another option was meant", function()
    contains(project:test "--coverge", "unrecognized option '--coverge'; did you mean '--coverage'?")
    contains(project:test("--tags=a", "--exclude-tags=a"), "have the same tag 'a'")
  end)

  it("names every option of its own in --help", function()
    local output <const> = project:test "--help"
    for name in ([[filter filter-out name tags exclude-tags pattern exclude-pattern no-recursive list
      jobs watch timeout virtual-time repeat shuffle shuffle-files shuffle-tests shuffle-tasks seed sort
      sort-files sort-tests no-keep-going lazy no-auto-insulate helper lpath cpath config-file run output
      verbose suppress-pending defer-print lang coverage coverage-include coverage-exclude coverage-min
      help]]):gmatch "%S+" do
      contains(output, "--" .. name)
    end
  end)
end)
