--- process_open_spec.lua: processes with streams: waiting, signals, terminals, how they go.

local lull = require "lull"
local net = require "lull.net"
local process = require "lull.process"
local testing = require "lull.testing"
local here <const> = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local support <const> = dofile(here .. "support_net.lua")
local go, raises, misuse = support.go, support.raises, support.misuse

local LONG <const> = 20 -- seconds: what takes this long has hung

local function state_of(pid)
  local file <close> = io.open(("/proc/%s/stat"):format(pid))
  return file and file:read("a"):match "%) (%a)"
end

--- Wait until the process is no more, not even as a zombie.
local function gone(pid)
  lull.timeout(LONG, function()
    while state_of(pid) do lull.sleep(0.005) end
  end)
end

describe("open", function()
  it("talks with a process in turns", function()
    local p <close> = process.open { "cat" }
    for i = 1, 3 do
      p.stdin:write("line ", i, "\n")
      assert.are.equal("line " .. i, p.stdout:read "l")
    end
    p.stdin:close()
    assert.is_nil(p.stdout:read "l")
    assert.are.same({ 0 }, { p:wait() })
  end)

  it("tells the exit apart from the end of the output", function()
    local p <close> = process.open { "sh", "-c", "sleep 60 & echo $!; exit 2" }
    assert.are.same({ 2 }, { p:wait() })
    local grandchild <const> = p.stdout:read "l"
    local reading <const> = go(p.stdout.read, p.stdout, "a")
    testing.settle()
    assert.are.equal("pending", reading:status())
    process.run { "kill", grandchild }
    assert.are.equal("", reading:await())
  end)

  it("tells the end of the output apart from the exit", function()
    local p <close> = process.open { "sh", "-c", "exec >&- 2>&-; read x; exit 6" }
    assert.are.equal("", p.stdout:read "a")
    assert.is_false(p:status())
    p.stdin:write "\n"
    assert.are.equal(6, p:wait())
    assert.are.same({ true, 6 }, { p:status() })
  end)

  it("lets ten tasks wait, and those that come later", function()
    local p <close> = process.open { "sh", "-c", "read x; exit 7" }
    local tasks <const> = {}
    for i = 1, 10 do tasks[i] = go(p.wait, p) end
    testing.settle()
    tasks[3]:cancel()
    p.stdin:close()
    for i, task in ipairs(tasks) do
      if i ~= 3 then assert.are.equal(7, task:await()) end
    end
    assert.are.equal("cancelled", tasks[3]:join())
    assert.are.equal(7, p:wait())
  end)

  it("sends signals by name, and says whether there was anybody", function()
    local p <close> = process.open { "sleep", "60" }
    assert.is_true(p:kill "USR1")
    assert.are.same({ nil, "USR1" }, { p:wait() })
    assert.is_false(p:kill())
    misuse(p.kill, p, "SIGNAL")
  end)

  it("is killed while it is read", function()
    local p <close> = process.open { "sh", "-c", "echo begun; sleep 60" }
    assert.are.equal("begun", p.stdout:read "l")
    local reading <const> = go(p.stdout.read, p.stdout, "l")
    testing.settle()
    p:kill("KILL", { group = true })
    assert.is_nil(reading:await())
    assert.are.same({ nil, "KILL" }, { p:wait() })
  end)

  it("fails who waits, and is killed, when it is closed", function()
    local p <const> = process.open { "sleep", "60" }
    local waiting <const> = go(p.wait, p)
    testing.settle()
    p:close()
    raises("closed", waiting.await, waiting)
    raises("closed", p.wait, p)
    gone(p.pid)
    assert.are.same({ nil, "KILL" }, { p:wait() })
  end)

  it("is killed when it is collected", function()
    local pid
    do
      local p <const> = process.open { "sleep", "60" }
      pid = p.pid
    end
    collectgarbage()
    collectgarbage()
    gone(pid)
  end)

  it("is killed with its group at the end of a block", function()
    local grandchild
    do
      local p <close> = process.open { "sh", "-c", "sleep 60 & echo $!; wait" }
      grandchild = p.stdout:read "l"
    end
    lull.timeout(LONG, function()
      while (state_of(grandchild) or "Z") ~= "Z" do lull.sleep(0.005) end
    end)
  end)

  it("is terminated: TERM, then KILL", function()
    local p <close> = process.open { "sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done" }
    p.stdout:read "l"
    p:terminate(0.05)
    assert.are.same({ nil, "KILL" }, { lull.timeout(LONG, p.wait, p) })
    misuse(p.terminate, p, "soon")
  end)

  it("gives no stream to the child that another option has closed", function()
    local stream <const>, other <close> = net.pair()
    local hostile <const> = setmetatable({}, { __index = function(_, name)
      stream:close()
      return name == "file" and "/dev/null" or nil
    end })
    misuse(process.open, { "true" }, { stdin = stream, stdout = hostile })
    assert.is_nil(other:read "l")
  end)

  it("gives a stream to the child, which stays ours", function()
    local one <const>, other <close> = net.pair()
    local _ <close> = one
    local p <close> = process.open({ "sh", "-c", "read x; echo got $x" }, { stdin = other, stdout = other })
    assert.are.same({}, { p.stdin, p.stdout })
    one:write "it\n"
    assert.are.equal("got it", one:read "l")
    p:wait()
    other:write "mine\n"
    assert.are.equal("mine", one:read "l")
  end)

  it("has text", function()
    local p <close> = process.open { "true" }
    assert.is_truthy(tostring(p):find "^process %d+ %(%a")
    p:wait()
    assert.are.equal(("process %d (code 0)"):format(p.pid), tostring(p))
  end)

  it("lets virtual time stand still while it runs", function()
    testing.virtual_time(function()
      local start <const> = lull.now()
      local p <close> = process.open { "sleep", "0.05" }
      local timer <const> = go(lull.sleep, 100)
      p:wait()
      assert.is_true(lull.now() - start < 50)
      timer:cancel()
    end)
  end)
end)

describe("a terminal", function()
  it("is what the child has", function()
    local p <close> = process.open({ "tty" }, { pty = true })
    assert.is_truthy(p.stdout:read("a"):find "^/dev/")
    assert.are.equal(0, p:wait())
  end)

  it("has a size, which can change", function()
    local p <close> = process.open({ "sh", "-c", "stty size; read x; stty size" },
      { pty = { rows = 10, columns = 33 } })
    assert.are.equal("10 33\r", p.stdout:read "l")
    p:resize(20, 40)
    p.stdin:write "\n"
    assert.is_truthy(p.stdout:read("a"):find "20 40\r\n$")
    misuse(p.resize, p, 0, 1)
    misuse(process.open, { "true" }, { pty = { rows = 0 } })
    misuse(process.open, { "true" }, { pty = { columns = 65536 } })
    misuse(process.open, { "true" }, { pty = true, stdin = "null" })
    misuse(process.open, { "true" }, { stdin = p.stdin })
  end)

  it("controls the child: what is typed can interrupt it", function()
    local p <close> = process.open({ "cat" }, { pty = true })
    p.stdin:write "a\n"
    assert.are.equal("a\r\na\r\n", p.stdout:read(6)) -- echoed, and copied
    p.stdin:write "\3"
    assert.are.same({ nil, "INT" }, { lull.timeout(LONG, p.wait, p) })
  end)

  it("hangs up when it is closed", function()
    local p <close> = process.open({ "sleep", "60" }, { pty = true })
    p.stdin:close()
    assert.are.same({ nil, "HUP" }, { lull.timeout(LONG, p.wait, p) })
  end)
end)

describe("the end of the program", function()
  local function child_of(opts)
    local output <const>, code <const> = support.program(([[
      local p = require("lull.process").open({ "sleep", "60" }, %s)
      KEPT = p
      print(p.pid)]]):format(opts))
    assert.are.equal(0, code)
    return output:match "%d+"
  end

  it("kills what still runs", function()
    gone(child_of "nil")
  end)

  it("leaves alone what may stay", function()
    local pid <const> = child_of "{ stays = true, stdin = 'null', stdout = 'null', stderr = 'null' }"
    assert.is_truthy(state_of(pid))
    process.run { "kill", pid }
  end)

  it("that comes by KILL leaves them, unless they are told to follow", function()
    local output <const>, code <const> = support.program [[
      local process = require "lull.process"
      local p = process.open({ "setpriv", "--pdeathsig", "KILL", "sh", "-c", "echo follows; exec sleep 60" })
      p.stdout:read "l"
      print(p.pid)
      io.stdout:flush()
      process.run { "kill", "-KILL", tostring(process.pid()) }]]
    assert.are_not.equal(0, code)
    gone(output:match "%d+")
  end)

  it("ends what is run when the program is interrupted", function()
    local output <const>, code <const> = support.program [[
      local process = require "lull.process"
      process.run({ "sh", "-c", "echo $$ >&2; kill -INT $PPID; exec sleep 60" }, { stderr = "inherit" })]]
    assert.are.equal(130, code)
    gone(assert(output:match "%d+"))
  end)
end)

describe("permission to run", function()
  local function tries(rules, code)
    local path <const> = os.tmpname()
    local file <const> = assert(io.open(path, "w"))
    file:write(code)
    file:close()
    local lull_path <const> = os.getenv "LULL" or (os.getenv "LULL_BUILD" or "build") .. "/lull"
    local pipe <close> = assert(io.popen(("%s %s %s 2>&1"):format(lull_path, rules, path)))
    local output <const> = pipe:read "a"
    os.remove(path)
    return output
  end

  it("is needed for the program as written", function()
    local code <const> = [[
      local process = require "lull.process"
      print(process.run({ "echo", "hello" }).stdout)
      local ok, e = pcall(process.run, { "cat" })
      print(ok, e.kind, e.op)]]
    assert.are.equal("hello\n\nfalse\tpermission\tprocess.run\n", tries("--allow-run=echo", code))
  end)

  it("is for the program that a relative path leads to from cwd", function()
    local code <const> = [[
      local process = require "lull.process"
      print(select(2, pcall(process.run, { "bin/echo" }, { cwd = "/tmp/.." })).kind)
      print(process.run({ "bin/echo", "it" }, { cwd = "/usr" }).code)]]
    assert.are.equal("permission\n0\n",
      tries("--allow-run=/usr/bin/echo --allow-read=/usr", code))
  end)

  it("is not permission to load anything into it", function()
    local code <const> = [[
      local run = require("lull.process").run
      print(select(2, pcall(run, { "echo" }, { env = { LD_PRELOAD = "/tmp/x.so" } })).kind)
      print(run({ "echo" }, { env = { A = "b" } }).code)]]
    assert.are.equal("permission\n0\n", tries("--allow-run=echo", code))
  end)

  it("is not permission to write files", function()
    local code <const> = [[
      local ok, e = pcall(require("lull.process").run, { "echo" }, { stdout = { file = "/tmp/lull-none" } })
      print(ok, e.kind)]]
    assert.are.equal("false\tpermission\n", tries("--allow-run=echo", code))
  end)
end)
