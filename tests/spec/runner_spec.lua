--- `lull test`: what it makes of small spec files, as a program of its own.
local program = os.getenv "LULL_BUILD"
program = program and program .. "/lull" or os.getenv "LULL" or "build/lull"

local function shell(command)
  local pipe <const> = assert(io.popen(command .. " 2>&1"))
  local output <const> = pipe:read "a"
  local _, how, status = pipe:close()
  return output, how == "exit" and status or how .. " " .. status
end

local root <const> = shell("pwd"):match "[^\n]+"
if program:sub(1, 1) ~= "/" then program = root .. "/" .. program end

local function write_file(path, text)
  local file <const> = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

describe("lull test", function()
  local folder

  before_each(function() folder = shell("mktemp -d"):match "[^\n]+" end)
  after_each(function() shell(("rm -rf '%s'"):format(folder)) end)

  --- Run it in the folder; what it printed, its exit code, its last line.
  local function test(arguments)
    local output <const>, code <const> = shell(
      ("cd '%s' && timeout 50 '%s' test %s </dev/null"):format(folder, program, arguments or ""))
    return output, code, output:match "([^\n]*)\n$"
  end

  --- Put spec code into spec/a_spec.lua (or another) below the names specs need.
  local function spec(code, name)
    shell(("mkdir -p '%s/spec'"):format(folder))
    write_file(("%s/spec/%s_spec.lua"):format(folder, name or "a"),
      'local lull, testing = require "lull", require "lull.testing"\nlocal _ = lull, testing\n' .. code)
  end

  local function contains(text, part)
    if not text:find(part, 1, true) then
      error(("'%s' is missing in:\n%s"):format(part, text), 2)
    end
  end

  local function lacks(text, part)
    if text:find(part, 1, true) then error(("'%s' is in:\n%s"):format(part, text), 2) end
  end

  --- A run of this code ends with this line and code; what it printed.
  local function ends(code, closing, exit_code, arguments)
    spec(code)
    local output <const>, got <const>, last <const> = test(arguments)
    if last ~= closing or got ~= exit_code then
      error(("expected '%s' and exit code %s, got %s and:\n%s"):format(
        closing, exit_code, got, output), 2)
    end
    return output
  end

  describe("ends", function()
    it("with 0 when all passed", function()
      ends([[it("a", function() end) it("b", function() end)]], "2 passed, 0 failed", 0)
    end)

    it("with 1 when one failed", function()
      local output <const> = ends(
        [[it("a", function() end) it("b", function() assert.equal(1, 2) end)]],
        "1 passed, 1 failed", 1)
      contains(output, "a_spec.lua:3:")
    end)

    it("with 1 after an error", function()
      ends([[it("a", function() error "oops" end)]], "0 passed, 1 failed", 1)
    end)

    it("with 1 when a file cannot be loaded", function()
      ends("this is not Lua", "0 passed, 1 failed", 1)
    end)

    it("with 1 when a file raises", function()
      contains(ends("error 'from the file'", "0 passed, 1 failed", 1), "from the file")
    end)

    it("with 1 when a hook raises", function()
      ends([[
        after_each(function() error "from the hook" end)
        it("a", function() end)]], "1 passed, 1 failed", 1)
    end)

    it("with 1 when there are no specs", function()
      assert.equal(1, select(2, test("missing_spec.lua")))
    end)

    it("naming how many were skipped", function()
      ends([[
        pending("later", function() end)
        it("not now", function() pending "no" end)
        it("a", function() end)]], "1 passed, 0 failed, 2 skipped", 0)
    end)

    for _, handler in ipairs { "plainTerminal", "utfTerminal", "TAP", "junit" } do
      it("with the same line for " .. handler, function()
        ends([[
          it("a", function() end)
          it("b", function() error "oops" end)
          it("c", function() pending "no" end)
          describe("d", function() setup(function() error "oops" end) end)]],
          "1 passed, 2 failed, 1 skipped", 1, "--output=" .. handler)
      end)
    end

    it("by itself, not when a spec calls os.exit", function()
      local output <const> = ends(
        [[it("a", function() os.exit(0) end) it("b", function() end)]],
        "1 passed, 1 failed", 1)
      contains(output, "os.exit(0) was called")
    end)
  end)

  describe("makes each test a task", function()
    it("that may wait, as its hooks may", function()
      ends([[
        local log = {}
        local function wait(name) lull.sleep(0.001) log[#log + 1] = name end
        setup(function() wait "setup" end)
        teardown(function() wait "teardown" end)
        before_each(function() wait "before" end)
        after_each(function() wait "after" end)
        it("a", function() wait "a" end)
        it("b", function() wait "b"
          assert.same({ "setup", "before", "a", "after", "before", "b" }, log)
        end)]], "2 passed, 0 failed", 0)
    end)

    it("of its own", function()
      ends([[
        local first
        it("a", function() first = lull.current() end)
        it("b", function() assert.not_equal(first, lull.current()) end)]],
        "2 passed, 0 failed", 0)
    end)

    it("beside what before_each started", function()
      ends([[
        local task, steps = nil, 0
        before_each(function()
          task = lull.spawn(function() while true do steps = steps + 1 lull.yield() end end)
        end)
        after_each(function() task:cancel() task:join() end)
        it("a", function()
          local before = steps
          for _ = 1, 5 do lull.yield() end
          assert.is_true(steps > before)
        end)]], "1 passed, 0 failed", 0)
    end)

    it("that fails with a background task of before_each", function()
      contains(ends([[
        before_each(function() lull.spawn(function() lull.yield() error "behind" end) end)
        it("a", function() lull.sleep(5) end)
        it("b", function() lull.sleep(5) end)]], "0 passed, 2 failed", 1), "behind")
    end)

    it("in which assertions and errors name their line", function()
      local output <const> = ends([[
        it("a", function() lull.yield()
          assert.is_true(false) end)
        it("b", function() lull.yield()
          error({}) end)]], "0 passed, 2 failed", 1)
      contains(output, "a_spec.lua:4:")
      contains(output, "a_spec.lua:6:")
    end)

    it("with the sequence first-in first-out again after testing.seed", function()
      ends([[
        it("a", function() testing.seed(3) end)
        for i = 1, 10 do
          it("b" .. i, function()
            local log = {}
            lull.group(function(g) for n = 1, 9 do g:spawn(table.insert, log, n) end end)
            assert.equal("123456789", table.concat(log))
          end)
        end]], "11 passed, 0 failed", 0)
    end)
  end)

  describe("guards a test:", function()
    --- The same with a time limit, a longer one where the machine holds up what is fast; and the limit.
    local function guarded(code, closing)
      local ok <const>, output <const> = pcall(ends, code, closing, 1, "--timeout=0.3")
      if ok then return output, 0.3 end
      return ends(code, closing, 1, "--timeout=3"), 3
    end

    it("one that waits too long fails, naming what it waits for", function()
      local output <const>, limit <const> = guarded([[
        it("a", function()
          lull.gather(function() lull.sleep_forever() end, function() lull.future():await() end)
        end)
        it("b", function() end)]], "1 passed, 1 failed")
      contains(output, ("did not end within %g s"):format(limit))
      contains(output, "waiting for gather")
      contains(output, "waiting for sleep_forever")
      contains(output, "a_spec.lua:4")
    end)

    it("in virtual time, nested or not", function()
      local output <const> = guarded([[
        it("a", function() testing.virtual_time(function() lull.future():await() end) end)
        it("b", function()
          testing.virtual_time(function()
            lull.sleep(1000)
            testing.virtual_time(function() lull.sleep_forever() end)
          end)
        end)
        it("c", function() testing.virtual_time(lull.sleep, 1000) end)]],
        "1 passed, 2 failed")
      contains(output, "a_spec.lua:3")
      contains(output, "waiting for sleep_forever")
    end)

    it("with the order shuffled", function()
      contains(guarded([[
        it("a", function()
          testing.seed(5)
          lull.gather(function() lull.sleep_forever() end, function() lull.future():await() end)
        end)]], "0 passed, 1 failed"), "waiting for sleep_forever")
    end)

    it("by cancelling it, so that its cleanup runs", function()
      local output <const> = guarded([[
        it("a", function()
          local _ <close> = lull.finally(function() lull.sleep(0.01) print "cleaned up" end)
          pcall(lull.sleep_forever)
          print "swallowed"
        end)]], "0 passed, 1 failed")
      contains(output, "cleaned up")
      lacks(output, "swallowed")
    end)

    for _, hook in ipairs { "before_each", "after_each", "setup", "teardown" } do
      it("its " .. hook, function()
        local output <const>, limit <const> = guarded(([[
          describe("x", function()
            %s(function() lull.future():await() end)
            it("a", function() end)
          end)
          it("b", function() end)]]):format(hook),
          hook == "teardown" and "2 passed, 1 failed" or "1 passed, 1 failed")
        contains(output, ("\n%s did not end within %g s"):format(hook, limit))
        contains(output, "waiting for await")
      end)
    end

    it("one that is fast enough passes", function()
      ends([[it("a", function() lull.sleep(0.1) end)]], "1 passed, 0 failed", 0, "--timeout=30")
    end)
  end)

  describe("fails a test that leaves", function()
    it("tasks running, and cancels them", function()
      local output <const> = ends([[
        it("a", function()
          lull.spawn(function()
            local _ <close> = lull.finally(function() print "cancelled" end)
            lull.sleep(50)
          end)
          lull.after(50, print).name = "late"
        end)
        it("b", function() end)]], "1 passed, 1 failed", 1)
      contains(output, "2 tasks left running")
      contains(output, "waiting for sleep")
      contains(output, "a_spec.lua:6")
      contains(output, "late waiting")
      contains(output, "cancelled")
    end)

    it("a task detached", function()
      contains(ends([[it("a", function() lull.async(lull.sleep_forever)():detach() end)]],
        "0 passed, 1 failed", 1), "1 task left running")
    end)

    it("tasks of before_each running", function()
      contains(ends([[
        before_each(function() lull.spawn(lull.sleep_forever) end)
        it("a", function() end)]], "0 passed, 1 failed", 1), "1 task left running")
    end)

    it("nothing but tasks that end by themselves", function()
      ends([[
        it("a", function()
          lull.spawn(lull.yield)
          lull.async(lull.sleep_forever)():cancel()
        end)]], "1 passed, 0 failed", 0)
    end)

    it("handles open", function()
      if not package.searchpath("lull.net", package.path) and not pcall(require, "lull.net") then
        pending "without lull.net"
      end
      local output <const> = ends([[
        local net = require "lull.net"
        local kept = {}
        it("a", function() kept[1], kept[2] = net.pair() end)
        it("b", function() local x, y = net.pair() x:close() y:close() end)
        it("c", function() local x, y = net.pair() x:write "dropped" y:read(1) end)]],
        "2 passed, 1 failed", 1)
      contains(output, "2 native handles left open")
    end)

    it("tasks of setup running, as an error", function()
      contains(ends([[
        describe("x", function()
          setup(function() lull.spawn(lull.sleep_forever) end)
          it("a", function() end)
        end)]], "1 passed, 1 failed", 1), "1 task left running")
    end)
  end)

  describe("fails a test whose errors reach the sink", function()
    local lose <const> = [[
      local function lose()
        lull.async(function() error "lost" end)():detach()
        for _ = 1, 5 do lull.yield() end
      end
    ]]

    it("with their traceback", function()
      local output <const> = ends(lose .. [[
        it("a", lose)
        it("b", function() end)]], "1 passed, 1 failed", 1)
      contains(output, "lost")
      contains(output, "stack traceback")
    end)

    it("but not when it has a handler of its own", function()
      ends(lose .. [[
        it("a", function()
          local seen
          lull.on_error(function(err) seen = err end)
          lose()
          assert.matches("lost", seen)
        end)]], "1 passed, 0 failed", 0)
    end)

    it("which is not that of the next test", function()
      ends(lose .. [[
        it("a", function() lull.on_error(print) end)
        it("b", lose)]], "1 passed, 1 failed", 1)
    end)

    it("or at least the file, when it is a future's that is collected late", function()
      contains(ends([[
        it("a", function() lull.future():fail "dropped" end)]], "1 passed, 1 failed", 1), "dropped")
    end)

    it("outside of tests as an error", function()
      contains(ends(lose .. [[
        describe("x", function()
          setup(lose)
          it("a", function() end)
        end)]], "1 passed, 1 failed", 1), "lost")
    end)
  end)

  describe("takes", function()
    local three <const> = [[
      describe("x", function()
        it("one #fast", function() print "ran one" end)
        it("two", function() print "ran two" end)
        it("three #slow", function() print "ran three" error "oops" end)
      end)]]

    it("--filter and --filter-out, each as a word or after =", function()
      ends(three, "1 passed, 0 failed", 0, "--filter='x two'")
      ends(three, "2 passed, 0 failed", 0, "--filter-out three")
      ends(three, "2 passed, 0 failed", 0, "--filter=one --filter two")
    end)

    it("--tags and --exclude-tags", function()
      ends(three, "1 passed, 0 failed", 0, "--tags=fast")
      ends(three, "1 passed, 1 failed", 1, "-t fast,slow")
      ends(three, "2 passed, 0 failed", 0, "--exclude-tags=slow")
    end)

    it("--repeat", function()
      ends(three, "4 passed, 2 failed", 1, "--repeat=2")
    end)

    it("--seed, which repeats an order, and --shuffle", function()
      local function order(arguments)
        local output <const> = ends(three, "2 passed, 1 failed", 1, arguments)
        local found <const> = {}
        for name in output:gmatch "ran (%a+)" do found[#found + 1] = name end
        return table.concat(found, " ")
      end
      local orders, count <const> = 0, {}
      for seed = 1, 8 do
        local found <const> = order("--seed=" .. seed)
        if not count[found] then orders = orders + 1 end
        count[found] = true
      end
      assert.is_true(orders > 1)
      assert.equal(order "--seed=4", order "--seed=4")
      assert.is_string(order "--shuffle")
    end)

    it("--no-keep-going", function()
      local output <const> = ends([[
        it("a", function() error "oops" end)
        it("b", function() end)]], "0 passed, 1 failed", 1, "--no-keep-going")
      contains(output, "oops")
    end)

    it("--list, which runs nothing", function()
      spec(three)
      local output <const>, code <const> = test "--list"
      assert.equal(0, code)
      contains(output, "x one #fast")
      lacks(output, "ran")
    end)

    it("--verbose, which shows tracebacks", function()
      contains(ends(three, "2 passed, 1 failed", 1, "--verbose"), "stack traceback")
    end)

    it("--helper", function()
      write_file(folder .. "/help.lua", "print 'helped'")
      contains(ends(three, "2 passed, 1 failed", 1, "--helper=help.lua"), "helped")
    end)

    it("--help", function()
      local output <const>, code <const> = test "--help"
      assert.equal(0, code)
      contains(output, "lull test")
      contains(output, "--filter")
    end)

    it("files and folders", function()
      spec([[it("a", function() end)]])
      spec([[it("b", function() end)]], "b")
      spec([[it("c", function() end)]], "c")
      assert.equal("3 passed, 0 failed", select(3, test "spec"))
      assert.equal("2 passed, 0 failed", select(3, test "spec/b_spec.lua spec/c_spec.lua"))
    end)

    it("tests/spec when it is there", function()
      spec([[it("a", function() end)]])
      shell(("mkdir '%s/tests' && cp -r '%s/spec' '%s/tests/spec'"):format(folder, folder, folder))
      spec([[it("b", function() error "oops" end)]])
      assert.equal("1 passed, 0 failed", select(3, test()))
    end)

    it("modules from where it runs", function()
      write_file(folder .. "/mine.lua", "return 42")
      local code <const> = [[it("a", function() assert.equal(42, require "mine") end)]]
      ends(code, "1 passed, 0 failed", 0)
      spec(code)
      local output <const> = shell(("cd '%s' && LUA_PATH='/usr/share/lua/5.4/?.lua;%s' '%s' test")
        :format(folder, "/usr/share/lua/5.4/?/init.lua", program))
      contains(output, "1 passed, 0 failed")
    end)

    it("no unknown option", function()
      local output <const>, code <const> = test "--frobnicate"
      assert.equal(1, code)
      assert.matches("^lull test: unrecognized option '%-%-frobnicate'; 'lull test %-%-help' lists the options\n$", output)
      for _, bad in ipairs { "--filter", "--repeat=0", "--timeout=x", "--seed=1.5", "--list=1" } do
        assert.equal(1, select(2, test(bad)))
      end
    end)
  end)

  it("says in one line that busted is missing", function()
    local output <const>, code <const> = shell(("LUA_PATH=/nowhere/?.lua '%s' test"):format(program))
    assert.equal(1, code)
    assert.matches("^lull test: busted is not installed[^\n]*\n$", output)
  end)
end)
