--- process_run_spec.lua: lull.process.run and pipelines: input, output, limits, how it ends.

local fs = require "lull.fs"
local lull = require "lull"
local native = require "lull.process.native"
local process = require "lull.process"
local here <const> = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local support <const> = dofile(here .. "support_net.lua")
local go, raises, misuse = support.go, support.raises, support.misuse
local patiently <const> = support.patiently

local LONG <const> = 20 -- seconds: what takes this long has hung

local function sh(script, opts)
  return process.run({ "sh", "-c", script }, opts)
end

--- Does a process of this number run still?  Zombies do not.
local function runs(pid)
  local file <close> = io.open(("/proc/%s/stat"):format(pid))
  local state <const> = file and file:read("a"):match "%) (%a)"
  return state ~= nil and state ~= "Z"
end

--- Wait until that is no more.
local function gone(pid)
  lull.timeout(LONG, function()
    while runs(pid) do lull.sleep(0.005) end
  end)
end

--- Descriptors of this process, the pipe of this question with one end or both.
local function descriptors()
  local count = 0
  local list <close> = io.popen("ls /proc/" .. process.pid() .. "/fd")
  for _ in list:lines() do count = count + 1 end
  return count
end

--- Expect that there are no more than that.
local function no_more_than(before)
  lull.timeout(LONG, function()
    while descriptors() > before do lull.sleep(0.005) end
  end)
end

describe("run", function()
  it("returns code and output", function()
    assert.are.same({ code = 3, stdout = "out\n", stderr = "err\n" },
      sh "echo out; echo err >&2; exit 3")
  end)

  it("returns the name of the signal that ended it, and no code", function()
    assert.are.same({ signal = "KILL", stdout = "", stderr = "" }, sh "kill -KILL $$")
  end)

  it("gives it nothing to read unless there is input", function()
    assert.are.equal("", process.run({ "cat" }).stdout)
  end)

  it("passes arguments as they are", function()
    assert.are.equal("a b|$HOME|*|5|", process.run({ "printf", "%s|", "a b", "$HOME", "*", 5 }).stdout)
  end)

  it("moves 256 KiB in and out at once", function()
    local input <const> = ("0123456789abcdef"):rep(16 * 1024)
    local result <const> = lull.timeout(LONG, process.run, { "cat" }, { input = input })
    assert.is_true(result.stdout == input)
  end)

  it("moves megabytes both ways and to both outputs", function()
    local input <const> = ("x"):rep(3 * 1024 * 1024)
    local result <const> = lull.timeout(LONG, sh, "tee /dev/stderr", { input = input })
    assert.is_true(result.stdout == input and result.stderr == input)
  end)

  it("is content with a child that closes its input, or reads a part of it", function()
    local input <const> = ("x"):rep(1024 * 1024)
    assert.are.equal(0, sh("exec 0<&-; sleep 0.05", { input = input }).code)
    assert.are.equal("xxx", process.run({ "head", "-c", "3" }, { input = input }).stdout)
  end)

  it("does not wait for a grandchild that keeps the pipes open", function()
    local result <const> = lull.timeout(LONG, sh, "sleep 60 & echo $!")
    assert.are.equal(0, result.code)
    process.run({ "kill", result.stdout:match "%d+" })
  end)

  it("has all that the process wrote before its end, whoever keeps the pipes open", function()
    local result <const> =
      lull.timeout(LONG, sh, "sleep 60 & echo $! >&2; head -c 60000 /dev/zero")
    assert.are.equal(60000, #result.stdout)
    process.run({ "kill", result.stderr:match "%d+" })
  end)

  it("waits for the end of the outputs when asked", function()
    local result <const> = sh("{ sleep 0.1; echo late; } & echo early", { to_end = true })
    assert.are.equal("early\nlate\n", result.stdout)
  end)

  it("raises `process` with ENOENT for a program that is not there", function()
    local e <const> = raises("process", process.run, { "no such program" })
    assert.are.same({ "ENOENT", "process.run" }, { e.code, e.op })
    assert.are.equal("ENOENT", raises("process", process.run, { "/no/such/program" }).code)
  end)

  it("says so, too, when PATH has folders that are none", function()
    local output <const> = support.program([[
      local ok, e = pcall(require("lull.process").run, { "no such program" })
      print(e.kind, e.code)]], "PATH=/etc/passwd:/no/folder:$PATH")
    assert.are.equal("process\tENOENT\n", output)
  end)

  it("raises `process` for what cannot be run", function()
    assert.are.equal("EACCES", raises("process", process.run, { "/etc/passwd" }).code)
    local argument <const> = ("x"):rep(4 * 1024 * 1024)
    assert.are.equal("E2BIG", raises("process", process.run, { "true", argument }).code)
  end)

  it("refuses wrong arguments before anything starts", function()
    misuse(process.run, "true")
    misuse(process.run, {})
    misuse(process.run, { "" })
    misuse(process.run, { "true", "a\0b" })
    misuse(process.run, { "true", {} })
    misuse(process.run, { "true" }, { shell = true })
    misuse(process.run, { "true" }, { stdin = "nowhere" })
    misuse(process.run, { "true" }, { stdin = "null", input = "x" })
    misuse(process.run, { "true" }, { env = { ["a=b"] = "c" } })
    misuse(process.run, { "true" }, { env = { a = {} } })
    misuse(process.run, { "true" }, { timeout = -1 })
  end)

  it("says what stdio and variables may be", function()
    local file <close> = fs.open("/dev/null", "w")
    local function complaint(opts)
      return (select(2, pcall(process.run, { "true" }, opts)):match "%((.*)%)$")
    end
    assert.are.equal('stdout must be "inherit", "null", "pipe", { file = "path" } or a stream',
      complaint { stdout = "nil" })
    assert.are.equal('stderr must be "inherit", "null", "pipe", "stdout", { file = "path" } or a stream',
      complaint { stderr = "nil" })
    assert.are.equal('stream expected, got lull.fs.File; a file is { file = "path" }', complaint { stdout = file })
    assert.are.equal('stream expected, got number; a file is { file = "path" }', complaint { stdout = 5 })
    assert.are.equal("the value of a variable must be a string, a number or false", complaint { env = { B = true } })
  end)

  it("starts in cwd, and says which folder is not there", function()
    assert.are.equal("/usr\n", process.run({ "pwd" }, { cwd = "/usr" }).stdout)
    local e <const> = raises("io", process.run, { "pwd" }, { cwd = "/no/such/folder" })
    assert.are.equal("ENOENT", e.code)
    assert.is_truthy(e.message:find("/no/such/folder", 1, true))
  end)

  it("has the environment that is given, and no other", function()
    assert.are.equal("A=1\n", process.run({ "env" }, { env = { A = 1 } }).stdout)
    assert.are.equal("", process.run({ "env" }, { env = {} }).stdout)
  end)

  it("has it beside ours with inherit, without what is false", function()
    local script <const> = [[echo "${HOME-none} ${LULL_TEST_A-none} ${PATH:+path}"]]
    local result <const> = sh(script, { env = { inherit = true, HOME = false, LULL_TEST_A = "a b" } })
    assert.are.equal("none a b path\n", result.stdout)
  end)

  it("sends outputs where it is told", function()
    local path <const> = os.tmpname()
    local _ <close> = lull.finally(function() os.remove(path) end)
    assert.are.same({ code = 0, stdout = "2\n1\n" },
      sh("echo 2 >&2; echo 1", { stderr = "stdout" }))
    assert.are.same({ code = 0, stderr = "" }, sh("echo one", { stdout = { file = path } }))
    assert.are.same({ code = 0, stderr = "" },
      sh("echo two", { stdout = { file = path, append = true } }))
    assert.are.equal("one\ntwo\n", process.run({ "cat" }, { stdin = { file = path } }).stdout)
    assert.are.same({ code = 0, stderr = "" }, sh("echo none", { stdout = "null" }))
  end)

  it("names the file that cannot be opened", function()
    local e <const> = raises("io", process.run, { "cat" }, { stdin = { file = "/no/file" } })
    assert.are.same({ "ENOENT", "process.run" }, { e.code, e.op })
  end)

  it("raises with check, with the last line of stderr and the result", function()
    local e <const> = raises("process", sh, "echo why >&2; exit 4", { check = true })
    assert.is_truthy(tostring(e):find("code 4: why", 1, true))
    assert.are.equal(4, e.result.code)
    assert.are.equal(0, sh("true", { check = true }).code)
  end)

  it("is ended past its timeout, and raises with the output so far", function()
    patiently(function(seconds)
      local e <const> = raises("timeout", sh, "echo begun; sleep 60", { timeout = seconds })
      assert.are.equal("begun\n", e.stdout)
      assert.are.equal("TERM", e.result.signal)
    end)
  end)

  it("is killed with its group when TERM does not help", function()
    patiently(function(seconds)
      local e <const> = lull.timeout(LONG, raises, "timeout", sh,
        "trap '' TERM; sleep 60 & echo $!; while :; do sleep 60; done", { timeout = seconds, grace = 0.1 })
      assert.are.equal("KILL", e.result.signal)
      gone(e.stdout:match "%d+")
    end)
  end)

  it("ends what it has started together with it", function()
    patiently(function(seconds)
      local e <const> = raises("timeout", sh,
        "(trap '' TERM; sleep 60) & echo $!; wait", { timeout = seconds, grace = 30 })
      gone(assert(e.stdout:match "%d+"))
    end)
  end)

  it("raises `limit` when there is too much output, with the first of it", function()
    local e <const> = lull.timeout(LONG, raises, "limit", process.run, { "yes" }, { max_output = 1000 })
    assert.are.equal(1000, #e.stdout)
    assert.are.equal("limit", raises("limit", sh, "echo 12345", { max_output = 5 }).kind)
    assert.are.equal("1234\n", sh("echo 1234", { max_output = 5 }).stdout)
  end)

  it("blames the caller for what is no list or option, and misses no stage", function()
    local function blamed(fn, ...)
      local ok <const>, e <const> = pcall(function(...) return (fn(...)) end, ...)
      assert.is_false(ok)
      return e:match "process_run_spec.lua:%d+: (bad argument #%d to '%w+')"
    end
    assert.are.equal("bad argument #1 to 'run'", blamed(process.run, { "a\0b" }))
    assert.are.equal("bad argument #1 to 'run'", blamed(process.run, "ls | wc"))
    assert.are.equal("bad argument #2 to 'run'", blamed(process.run, { "true" }, { stdout = 5 }))
    assert.are.equal("bad argument #2 to 'open'", blamed(process.open, { "true" }, { env = { ["="] = "" } }))
    assert.are.equal("bad argument #1 to 'pipeline'", blamed(process.pipeline, { { "true" }, [3] = { "true" } }))
    local child <close> = process.open { "true" }
    assert.are.equal("bad argument #1 to 'kill'", blamed(child.kill, child, "NAME"))
    local screen <close> = process.open({ "true" }, { pty = true })
    assert.are.equal("bad argument #1 to 'resize'", blamed(screen.resize, screen, "x", 1))
    assert.are.equal("bad argument #2 to 'resize'", blamed(screen.resize, screen, 1, 0))
  end)

  it("tells the end also in a program that was started with CHLD ignored", function()
    local program <const> = (os.getenv "LULL_BUILD" or "build") .. "/lull"
    local result <const> = process.run({ "env", "--ignore-signal=CHLD", program, "-e",
      "print(require 'lull.process'.run({ 'sh', '-c', 'exit 3' }).code)" }, { stderr = "stdout" })
    assert.are.equal("3\n", result.stdout)
  end)

  it("raises `limit` with `to_end` also when what has left its group never ends", function()
    local e <const> = lull.timeout(LONG, raises, "limit", sh, "setsid yes &", { to_end = true, max_output = 1000 })
    assert.are.equal(1000, #e.stdout)
  end)

  it("is ended and waited for when its task is cancelled", function()
    local path <const> = os.tmpname()
    local _ <close> = lull.finally(function() os.remove(path) end)
    local task <const> = go(sh, "echo $$ >" .. path .. "; exec sleep 60")
    local pid
    repeat
      lull.sleep(0.005)
      local file <close> = io.open(path)
      pid = file:read "l"
    until pid
    task:cancel()
    assert.are.equal("cancelled", task:join())
    assert.is_false(runs(pid))
  end)

  it("leaves no descriptor and no zombie, a thousand times", function()
    process.run { "true" }
    local before <const> = descriptors()
    for _ = 1, 100 do
      lull.map({ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, function()
        assert(process.run({ "true" }).code == 0)
      end)
    end
    collectgarbage()
    collectgarbage()
    no_more_than(before)
    local zombies <const> = process.run({ "sh", "-c", "ps --ppid $PPID -o stat= | grep -c Z" })
    assert.are.equal("0\n", zombies.stdout)
  end)

  it("leaves no descriptor after failures", function()
    local before <const> = descriptors()
    for _ = 1, 50 do
      pcall(process.run, { "no such program" })
      pcall(process.run, { "true" }, { cwd = "/no/such/folder" })
      pcall(process.run, { "true" }, { stderr = { file = "/no/folder/file" } })
    end
    no_more_than(before)
  end)

  it("gives the child three descriptors", function()
    local open <const> = io.open("/etc/passwd") -- stock Lua: not close-on-exec everywhere
    local _ <close> = open
    local listed <const> = process.run({ "ls", "/proc/self/fd" }).stdout
    assert.are.equal("0\n1\n2\n3\n", listed) -- 3: what ls reads
  end)

  it("gives the child SIGPIPE as usual and no blocked signals", function()
    local status <const> = process.run({ "grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status" }).stdout
    local ignored <const> = tonumber(status:match "SigIgn:%s*(%x+)", 16)
    assert.are.equal(0, tonumber(status:match "SigBlk:%s*(%x+)", 16))
    assert.are.equal(0, ignored >> 12 & 1)
  end)
end)

describe("a pipeline", function()
  it("does not ignore options beside its table", function()
    local ok <const>, e <const> = pcall(function() return (process.pipeline({ { "true" } }, { timeout = 1 })) end)
    assert.is_false(ok)
    assert.matches("spec.lua:%d+: bad argument #2 to 'pipeline' %(options belong into the table of stages%)$", e)
  end)

  it("connects programs, and has the result of the last", function()
    local result <const> = process.pipeline {
      { "printf", "b\\na\\n" }, { "sort" }, { "sh", "-c", "cat; exit 5" },
    }
    assert.are.same({ 5, "a\nb\n" }, { result.code, result.stdout })
    assert.are.equal(3, #result.stages)
    assert.are.equal(0, result.stages[1].code)
  end)

  it("moves input through all of them", function()
    local input <const> = ("line\n"):rep(100000)
    local result <const> = lull.timeout(LONG, process.pipeline, { { "cat" }, { "cat" }, { "wc", "-l" }, input = input })
    assert.are.equal(100000, tonumber(result.stdout))
  end)

  it("ends the first when the last has enough", function()
    local result <const> = lull.timeout(LONG, process.pipeline, { { "yes" }, { "head", "-n", "1" }, check = true })
    assert.are.same({ "y\n", "PIPE" }, { result.stdout, result.stages[1].signal })
  end)

  it("raises with check for any that fails", function()
    local e <const> = raises("process", process.pipeline, { { "sh", "-c", "exit 2" }, { "cat" }, check = true })
    assert.is_truthy(tostring(e):find("sh ended with code 2", 1, true))
  end)

  it("leaves nothing behind when one of them cannot be started", function()
    local before <const> = descriptors()
    for _ = 1, 10 do
      local e <const> = raises("process", process.pipeline, { { "yes" }, { "no such program" } })
      assert.are.equal("ENOENT", e.code)
    end
    no_more_than(before)
  end)

  it("is ended as a whole past its timeout", function()
    local e <const> = lull.timeout(LONG, raises, "timeout", process.pipeline,
      { { "sleep", "60" }, { "cat" }, timeout = 0.1 })
    assert.are.equal("TERM", e.result.stages[1].signal)
  end)
end)

describe("what is left in a pipe", function()
  it("is taken even if it came after the last look", function()
    local child <const>, input <const>, output <close> =
      native.spawn({ "sh", "-c", "echo one; read x; echo two; sleep 60 & echo $!" }, {}, "test")
    assert.are.equal("one\n", output:read_some())
    input:write "\n"
    assert.are.equal(0, child:wait())
    local rest <const> = native.drain(output, 1000)
    local grandchild <const> = rest:match "^two\n(%d+)\n$"
    assert.is_truthy(grandchild)
    process.run { "kill", grandchild }
    input:close()
  end)
end)

describe("a child without pidfd", function()
  it("is found to have ended all the same", function()
    local child <const> = native.spawn({ "sh", "-c", "sleep 0.02; exit 9" }, { polls = true }, "test")
    assert.are.equal(9, lull.timeout(LONG, child.wait, child))
  end)

  it("is killed and reaped when it is forgotten", function()
    local child <const> = native.spawn({ "sleep", "60" }, { polls = true, group = true }, "test")
    local pid <const> = child:pid()
    child:close()
    gone(pid)
  end)
end)
