--- signal_spec.lua: lull.signal: who listens gets it, and what was there before comes back.

local lull = require "lull"
local process = require "lull.process"
local signal = require "lull.signal"
local testing = require "lull.testing"
local here <const> = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local support <const> = dofile(here .. "support_net.lua")
local go, raises, misuse = support.go, support.raises, support.misuse

local LONG <const> = 20 -- seconds: what takes this long has hung

--- Send this process a signal, and let it arrive: the end of kill may be heard of first.
local function send(name)
  assert(process.run({ "kill", "-" .. name, tostring(process.pid()) }).code == 0)
  testing.settle()
end

describe("wait", function()
  it("returns the name of what came", function()
    local task <const> = go(signal.wait, "HUP", "USR1")
    testing.settle()
    send "USR1"
    assert.are.same({ "USR1" }, { lull.timeout(LONG, task.await, task) })
  end)

  it("is told in any number of tasks", function()
    local tasks <const> = {}
    for i = 1, 10 do tasks[i] = go(signal.wait, "USR1", i % 2 == 0 and "USR2" or "HUP") end
    testing.settle()
    send "USR1"
    for _, task in ipairs(tasks) do assert.are.equal("USR1", task:await()) end
  end)

  it("is told in several runtimes at once", function()
    local worker <const> = require "lull.worker"
    local path <const> = os.tmpname()
    local _ <close> = lull.finally(function() os.remove(path) end)
    local pool <close> = worker.pool(2)
    local function listens(file)
      local here_signal = require "lull.signal"
      local listener <close> = here_signal.listen "USR2"
      local out <close> = assert(io.open(file, "a"))
      out:write "x"
      out:flush()
      return listener:wait()
    end
    local own <const> = go(signal.wait, "USR2")
    local tasks <const> = {}
    for i = 1, 2 do tasks[i] = go(pool.call, pool, listens, path) end
    lull.timeout(LONG, function()
      local count = 0
      while count < 2 do
        lull.sleep(0.005)
        local file <close> = io.open(path)
        count = #file:read "a"
      end
    end)
    send "USR2"
    assert.are.equal("USR2", lull.timeout(LONG, own.await, own))
    for _, task in ipairs(tasks) do assert.are.equal("USR2", lull.timeout(LONG, task.await, task)) end
  end)

  it("refuses names that cannot be listened to", function()
    misuse(signal.wait)
    misuse(signal.wait, "KILL")
    misuse(signal.wait, "SEGV")
    misuse(signal.wait, "SIGINT")
    misuse(signal.wait, 2)
    local _, complaint <const> = pcall(function() return (signal.listen("INT", "NAME")) end)
    assert.matches("signal_spec.lua:%d+: bad argument #2 to 'listen'", complaint)
  end)
end)

describe("listen", function()
  it("is an iterator that ends when its loop is left", function()
    local seen <const> = {}
    local task <const> = go(function()
      for name in signal.listen("USR1", "USR2") do
        seen[#seen + 1] = name
        if name == "USR2" then break end
      end
    end)
    testing.settle()
    send "USR1"
    send "USR2"
    lull.timeout(LONG, task.await, task)
    assert.are.same({ "USR1", "USR2" }, seen)
  end)

  it("keeps what comes while nobody waits, once", function()
    local listener <close> = signal.listen("USR1", "USR2")
    send "USR2"
    send "USR1"
    send "USR1"
    local names <const> = { [listener:wait()] = true }
    names[listener:wait()] = true
    assert.are.same({ USR1 = true, USR2 = true }, names)
    local more <const> = go(listener.wait, listener)
    testing.settle()
    assert.are.equal("pending", more:status())
    more:cancel()
  end)

  it("ends loops and fails waits when it is closed", function()
    local listener <const> = signal.listen "USR1"
    local loop <const> = go(function()
      for _ in listener do error "a signal" end
      return "ended"
    end)
    local waiting <const> = go(listener.wait, listener)
    testing.settle()
    listener:close()
    listener:close()
    assert.are.equal("ended", loop:await())
    raises("closed", waiting.await, waiting)
    raises("closed", listener.wait, listener)
    assert.is_nil(listener())
  end)

  it("hears of children and of window sizes", function()
    local listener <close> = signal.listen("CHLD", "WINCH")
    process.run { "true" }
    assert.are.equal("CHLD", lull.timeout(LONG, listener.wait, listener))
    send "WINCH"
    local names <const> = { [listener:wait()] = true }
    if names.CHLD then names[listener:wait()] = true end
    assert.is_true(names.WINCH)
  end)
end)

describe("what a signal did before", function()
  it("does not happen while somebody listens, and happens again after that", function()
    local output <const>, code <const> = support.program [[
      local lull, signal = require "lull", require "lull.signal"
      local process = require "lull.process"
      local function send(name) process.run { "kill", "-" .. name, tostring(process.pid()) } end
      local task = lull.async(signal.wait)("INT")
      lull.yield()
      send "INT"
      print(task:await())
      send "INT"
      lull.sleep(5)
      print "never"]]
    assert.are.same({ "INT\n", 130 }, { output, code })
  end)

  it("comes back only with the last listener", function()
    local output <const> = support.program [[
      local lull, signal = require "lull", require "lull.signal"
      local process = require "lull.process"
      local first, second = signal.listen "TERM", signal.listen("TERM", "HUP")
      first:close()
      process.run { "kill", "-TERM", tostring(process.pid()) }
      print(second:wait())]]
    assert.are.equal("TERM\n", output)
  end)

  it("comes back at the end of a runtime", function()
    local worker <const> = require "lull.worker"
    local function handled()
      local caught <const> = process.run({ "sh", "-c", "grep SigCgt /proc/$PPID/status" }).stdout
      return tonumber(caught:match "%x+$" or caught:match "SigCgt:%s*(%x+)", 16) >> 13 & 1 -- ALRM
    end
    local pool <const> = worker.pool(1)
    pool:call(function() package.loaded.kept = require("lull.signal").listen "ALRM" end)
    assert.are.equal(1, handled())
    pool:close()
    lull.timeout(LONG, function()
      while handled() == 1 do lull.sleep(0.01) end
    end)
  end)
end)

describe("permission to listen", function()
  it("is that for everything", function()
    local path <const> = os.tmpname()
    local file <const> = assert(io.open(path, "w"))
    file:write [[print(select(2, pcall(require("lull.signal").listen, "INT")).kind)]]
    file:close()
    local lull_path <const> = os.getenv "LULL" or (os.getenv "LULL_BUILD" or "build") .. "/lull"
    local pipe <close> = assert(io.popen(("%s --allow-run=kill --allow-native %s 2>&1"):format(lull_path, path)))
    assert.are.equal("permission\n", pipe:read "a")
    os.remove(path)
  end)
end)
