--- worker_spec.lua: lull.worker: calls on other threads.

local fs = require "lull.fs"
local lull = require "lull"
local testing = require "lull.testing"
local worker = require "lull.worker"
local here <const> = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local support <const> = dofile(here .. "support.lua")
local failure <const> = support.failure
local patiently <const> = dofile(here .. "support_layer.lua").patiently

local PATIENCE <const> = 20 -- seconds after which something has been lost

--- A path that does not exist, for what workers tell, and a value that removes it.
local function sign()
  local path <const> = os.tmpname()
  os.remove(path)
  return path, lull.finally(function() os.remove(path) end)
end

--- Wait until somebody has made that.
local function until_there(path)
  lull.timeout(PATIENCE, function()
    repeat lull.sleep(0.001) until fs.exists(path)
  end)
end

local function make(path)
  io.open(path, "w"):close()
end

--- What the file's tests use most: two workers, which the tests leave as they were.
local pool
setup(function()
  pool = worker.pool(2)
  lull.gather(lull.async(pool.call)(pool, type, 1), lull.async(pool.call)(pool, type, 1))
end)
teardown(function() pool:close() end)

describe("errors of a call", function()
  it("are raised as they are: strings, tables, nil", function()
    assert.are.equal("text", failure(pool.call, pool, function() error("text", 0) end))
    assert.are.same({ 1, a = 2 }, failure(pool.call, pool, function() error { 1, a = 2 } end))
    assert.are.equal(5, failure(pool.call, pool, function() error(5, 0) end))
    assert.is_nil(failure(pool.call, pool, function() error(nil) end))
  end)

  it("are error objects with their cause and the traceback over there", function()
    local e <const> = failure(pool.call, pool, function()
      local function culprit() error(lull.new_error("io", "bad", { cause = { "why" } })) end
      culprit()
    end)
    assert.is_true(lull.is_error(e, "io"))
    assert.are.same({ "why" }, e.cause)
    assert.is_truthy(e.traceback:find("culprit", 1, true), e.traceback)
  end)

  it("have the traceback of the worker in that of the task", function()
    local task <const> = lull.async(function()
      pool:call(function()
        local function culprit() error "text" end
        culprit()
      end)
    end)()
    task:join()
    assert.is_truthy(task:traceback():find("culprit", 1, true), task:traceback())
  end)

  it("become text where they cannot travel", function()
    local e <const> = failure(pool.call, pool, function()
      error(setmetatable({}, { __tostring = function() return "told" end }))
    end)
    assert.are.equal("told", e)
    local inner <const> = failure(pool.call, pool, function()
      error(lull.new_error("io", "bad", { cause = coroutine.create(print), code = "EBADF" }))
    end)
    assert.is_true(lull.is_error(inner, "io"))
    assert.are.equal("EBADF", inner.code)
    assert.are.equal("(error object is a thread value)", inner.cause)
  end)

  it("leave the worker as good as it was", function()
    local one <close> = worker.pool(1)
    for _ = 1, 20 do failure(one.call, one, error, "x") end
    assert.are.equal(1, one:call(function() return 1 end))
  end)

  it("are a deadlock over there, told as such", function()
    local e <const> = failure(pool.call, pool, function() lull.future():await() end)
    assert.is_true(lull.is_error(e, "deadlock"))
  end)

  it("that nobody received over there go to the sink here", function()
    local seen <const> = support.sink(function()
      local one <close> = worker.pool(1)
      one:call(function()
        lull.spawn(function() error(lull.new_error("io", "lost")) end):detach()
        lull.sleep(0.001)
      end)
      one:call(function() end)
      testing.settle()
    end)
    assert.are.equal(1, #seen)
    assert.is_true(lull.is_error(seen[1].err, "io"))
    assert.are.equal("string", type(seen[1].traceback))
  end)

  it("go to the sink with the names of what has only a name", function()
    local seen <const> = support.sink(function()
      local one <close> = worker.pool(1)
      one:call(function()
        local array <const> = require("lull.json").array { string }
        lull.spawn(function() error { string.format, array } end):detach()
        lull.sleep(0.001)
      end)
      one:call(function() end)
      testing.settle()
    end)
    assert.are.equal(1, #seen)
    assert.are.same({ "string.format", { "string" } }, seen[1].err)
  end)
end)

describe("a call", function()
  it("does not wait for finalizers that do", function()
    local one <close> = worker.pool(1)
    assert.are.equal("done", lull.timeout(PATIENCE, one.call, one, function()
      setmetatable({}, { __gc = function() lull.sleep(1e6) end })
      collectgarbage()
      lull.sleep(0.001)
      return "done"
    end))
  end)
end)

describe("a worker that dies", function()
  it("fails its call, and another takes its place", function()
    local one <close> = worker.pool(1)
    for _ = 1, 3 do
      local e <const> = failure(one.call, one, function() os.exit(3) end)
      assert.is_true(lull.is_error(e, "closed"))
      assert.is_truthy(tostring(e):find("status 3", 1, true))
      assert.are.equal("alive", one:call(function() return "alive" end))
    end
  end)

  it("has as much memory as it was given, and no more", function()
    local one <close> = worker.pool { n = 1, memory = 4 << 20 }
    local function hog() return #("x"):rep(8 << 20) end
    local e <const> = failure(one.call, one, hog)
    assert.are.equal("not enough memory", e)
    assert.are.equal(1, one:call(function() return 1 end))
    assert.are.equal(8 << 20, pool:call(hog))
  end)

  it("that has too little to begin says so", function()
    local one <close> = worker.pool { n = 1, memory = 1000 }
    local e <const> = failure(one.call, one, function() end)
    assert.is_true(lull.is_error(e, "closed"))
  end)
end)

describe("cancelling a call", function()
  it("cancels the script over there, which cleans up", function()
    local one <close> = worker.pool { n = 1, grace = PATIENCE }
    local path <const>, _ <close> = sign()
    local task <const> = lull.async(one.call)(one, function()
      local _ <close> = lull.finally(function() cleaned = "cleaned" end) -- luacheck: ignore
      make(path)
      lull.sleep(PATIENCE)
    end)
    until_there(path)
    task:cancel()
    assert.are.equal("cancelled", task:join())
    assert.are.equal("cleaned", one:call(function() return cleaned end)) -- luacheck: ignore
  end)

  it("takes one that waits for a worker out of the queue", function()
    local one <close> = worker.pool(1)
    local path <const>, _ <close> = sign()
    local ran <const> = {}
    local function mark(name)
      return support.started(function()
        local got <const> = one:call(function(what) until_there(path) return what end, name)
        ran[#ran + 1] = got
      end)
    end
    local first <const>, second <const>, third <const> = mark "first", mark "second", mark "third"
    second:cancel()
    make(path)
    lull.wait { first, second, third }
    assert.are.same({ "first", "third" }, ran)
    assert.are.equal("cancelled", second:status())
  end)

  it("stops a script that computes, and keeps the worker", function()
    patiently(function(seconds) -- and half a one more, until it is replaced
      local one <close> = worker.pool { n = 1, grace = seconds }
      one:call(function() mark = "the same" end) -- luacheck: ignore
      for _ = 1, 3 do
        local e <const> = failure(lull.timeout, 0.05, one.call, one, function()
          while true do pcall(function() while true do end end) end
        end)
        assert.is_true(lull.is_error(e, "timeout"))
        assert.are.equal("the same", one:call(function() return mark end)) -- luacheck: ignore
      end
    end)
  end)

  it("replaces a worker that does not stop", function()
    local one <close> = worker.pool { n = 1, grace = 0.02 }
    one:call(function() mark = "the same" end) -- luacheck: ignore
    local path <const>, _ <close> = sign()
    local command <const> = ("touch %s; while [ -e %s ]; do sleep 0.05; done"):format(path, path)
    local task <const> = lull.async(one.call)(one, os.execute, command)
    until_there(path)
    task:cancel()
    assert.are.equal("cancelled", task:join())
    assert.is_nil(one:call(function() return mark end)) -- luacheck: ignore
  end)
end)

describe("a pool", function()
  it("serves calls first-in first-out", function()
    local one <close> = worker.pool(1)
    local order <const>, tasks = {}, {}
    for i = 1, 20 do
      tasks[i] = lull.async(function()
        one:call(function() end)
        order[#order + 1] = i
      end)()
    end
    lull.gather(tasks)
    for i = 1, 20 do assert.are.equal(i, order[i]) end
  end)

  it("computes on as many threads as it has workers", function()
    local two <close> = worker.pool(2)
    local function meet(mine, other)
      make(mine)
      until_there(other)
      return true
    end
    local a <const>, b <const> = os.tmpname(), os.tmpname()
    os.remove(a)
    os.remove(b)
    local met <const>, too <const> = lull.gather(
      function() return two:call(meet, a, b) end, function() return two:call(meet, b, a) end)
    os.remove(a)
    os.remove(b)
    assert.is_true(met and too)
  end)

  it("lets only so many calls wait", function()
    local one <close> = worker.pool { n = 1, max_queue = 2 }
    local path <const>, _ <close> = sign()
    local tasks <const> = {}
    for i = 1, 3 do tasks[i] = support.started(function() one:call(until_there, path) end) end
    assert.is_true(lull.is_error(failure(one.call, one, until_there, path), "limit"))
    make(path)
    lull.gather(tasks)
    one:call(until_there, path)
  end)

  it("that is closed fails its calls, running and waiting, and later ones", function()
    local one <const> = worker.pool(1)
    local tasks <const> = {}
    for i = 1, 3 do tasks[i] = support.started(function() one:call(function() lull.sleep(10) end) end) end
    one:close()
    one:close()
    for i = 1, 3 do
      assert.are.equal("failed", tasks[i]:join())
      assert.is_true(lull.is_error(tasks[i]:error(), "closed"))
    end
    assert.is_true(lull.is_error(failure(one.call, one, print), "closed"))
  end)

  it("may be a to-be-closed value", function()
    local task
    do
      local one <close> = worker.pool(1)
      task = support.started(function() one:call(function() lull.sleep(10) end) end)
    end
    assert.are.equal("failed", task:join())
  end)

  it("ends its workers when it is collected", function()
    local left <const> = require "lull.test.left"
    local before <const> = left.handles()
    worker.pool(1):call(function() end)
    assert.are.equal(0, (left.open_handles(before)))
  end)

  it("has as many workers as there are processors", function()
    local all <close> = worker.pool()
    assert.is_true(all.n >= 1)
  end)

  it("loads modules before the first call", function()
    local one <close> = worker.pool { n = 1, preload = { "lull.json" } }
    assert.is_true(one:call(function() return package.loaded["lull.json"] ~= nil end))
    local bad <close> = worker.pool { n = 1, preload = { "no.such.module" } }
    assert.is_truthy(tostring(failure(bad.call, bad, print)):find "no.such.module")
  end)

  it("has the search paths of its owner", function()
    local path <const> = package.path
    package.path = "/nowhere/?.lua;" .. path
    local one <close> = worker.pool(1)
    assert.are.equal(package.path, one:call(function() return package.path end))
    package.path = path
  end)

  it("may be in a worker", function()
    assert.are.same({ 2, 4, 6, n = 3 }, pool:call(function()
      local inner <close> = require("lull.worker").pool(2)
      return inner:map(function(x) return 2 * x end, { 1, 2, 3 })
    end))
    local e <const> = failure(pool.call, pool, function()
      local inner <close> = require("lull.worker").pool(1)
      inner:call(function() error(lull.new_error("io", "far")) end)
    end)
    assert.is_true(lull.is_error(e, "io"))
    assert.are.equal(2, select(2, e.traceback:gsub("stack traceback", "")))
  end)

  it("checks its arguments", function()
    local function bad(text, fn, ...)
      assert.is_truthy(tostring(failure(fn, ...)):find(text, 1, true))
    end
    bad("n must be a positive integer", worker.pool, { n = 0 })
    bad("n must be at most", worker.pool, 100000)
    bad("unknown option", worker.pool, { size = 1 })
    bad("bad argument #1 to 'call'", pool.call, pool, nil)
    bad("bad argument #2 to 'call'", pool.call, pool, "string")
    bad("bad argument #1 to 'map'", pool.map, pool, {}, {})
    bad("bad argument #2 to 'map'", pool.map, pool, print)
    bad("there is no item 2", pool.map, pool, print, { 1, nil, 3, n = 3 })
  end)
end)

describe("pool:map", function()
  it("returns the first result of each, in order, nils too", function()
    local got <const> = pool:map(function(x, i)
      if i % 3 == 0 then return nil end
      return x * 10, "second"
    end, { 1, 2, 3, 4, 5, 6, 7 })
    assert.are.same({ 10, 20, nil, 40, 50, nil, 70, n = 7 }, got)
  end)

  it("gives each its index, whatever the pieces are", function()
    for _, chunk in ipairs { 1, 2, 3, 100, 20000 } do
      local list <const> = {}
      for i = 1, 100 do list[i] = -i end
      local got <const> = pool:map(function(x, i) return x + i end, list, { chunk = chunk })
      for i = 1, 100 do assert.are.equal(0, got[i]) end
    end
  end)

  it("maps nothing to nothing", function()
    assert.are.same({ n = 0 }, pool:map(function() end, {}))
  end)

  it("maps very many small items", function()
    local list <const> = {}
    for i = 1, 100000 do list[i] = i end
    local got <const> = pool:map(function(x) return x + 1 end, list)
    assert.are.equal(100000, got.n)
    for i = 1, 100000 do assert(got[i] == i + 1) end
  end)

  it("raises the first error and cancels the rest", function()
    local two <close> = worker.pool { n = 2, grace = PATIENCE }
    local before <const> = lull.now()
    local e <const> = failure(two.map, two, function(x)
      if x == 2 then error("two", 0) end
      lull.sleep(PATIENCE)
    end, { 1, 2, 3, 4 }, { chunk = 1 })
    assert.are.equal("two", e)
    assert.is_true(lull.now() - before < PATIENCE)
    assert.are.equal(1, two:call(function() return 1 end))
  end)
end)

describe("waiting for a worker", function()
  it("is no deadlock, and an idle pool holds up nobody", function()
    local output <const>, code <const> = support.program [[
      local lull = require "lull"
      local pool = require("lull.worker").pool(1)
      print(pool:call(function() require("lull").sleep(0.05) return "done" end))
      print(lull.is_error(select(2, pcall(function() lull.future():await() end)), "deadlock"))]]
    assert.are.equal("done\ntrue\n", output)
    assert.are.equal(0, code)
  end)

  it("stops virtual time", function()
    testing.virtual_time(function()
      local before <const> = lull.now()
      local done
      local task <const> = lull.async(function()
        pool:call(function() lull.sleep(0.05) end)
        done = true
      end)()
      lull.after(1000, function() assert(done) end)
      task:await()
      assert.are.equal(before, lull.now())
    end)
  end)

  it("ends with the program, whatever the workers do", function()
    local output <const>, code <const> = support.program [[
      local lull = require "lull"
      local pool = require("lull.worker").pool(3)
      for _, fn in ipairs { function() require("lull").sleep(100) end, function() end } do
        lull.spawn(function() pool:call(fn) end):detach()
      end
      lull.sleep(0.05)
      print "over"]]
    assert.are.equal("over\n", output)
    assert.are.equal(0, code)
  end)

  it("ends with the program even when a worker computes for ever", function()
    local output <const>, code <const> = support.program [[
      local lull = require "lull"
      local pool = require("lull.worker").pool { n = 1, grace = 0.05 }
      lull.spawn(function() pool:call(function() while true do end end) end):detach()
      lull.sleep(0.05)
      print "over"]]
    assert.are.equal("over\n", output)
    assert.are.equal(0, code)
  end)
end)
