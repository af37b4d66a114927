--- Where a call may suspend: pcall, metamethods, iterators, require, sort, gsub, load.
local lull = require "lull"
local support = require "tests.spec.support"

local failure, closing = support.failure, support.closing

--- Run `fn` while another task counts turns; return fn's results after checking that it suspended.
local function suspends(fn)
  local ran = false
  local other <const> = lull.async(function() ran = true end)()
  local results <const> = table.pack(fn())
  assert.is_true(ran)
  other:join()
  return table.unpack(results, 1, results.n)
end

--- A function that waits and then returns `...`.
local function slow(...)
  local values <const> = table.pack(...)
  return function()
    lull.yield()
    return table.unpack(values, 1, values.n)
  end
end

--- Write `text` to a temporary file, call fn(path), remove the file.
local function with_file(text, fn)
  local path <const> = os.tmpname()
  local _ <close> = closing(function() os.remove(path) end)
  local file <const> = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  return fn(path)
end

describe("a task may suspend inside", function()
  it("pcall", function()
    local got <const> = table.pack(suspends(function() return pcall(slow(1, nil, 3)) end))
    assert.same({ n = 4, true, 1, nil, 3 }, got)
  end)

  it("pcall that then fails", function()
    local oops <const> = {}
    local ok, err = suspends(function()
      return pcall(function()
        lull.yield()
        error(oops)
      end)
    end)
    assert.is_false(ok)
    assert.is_true(rawequal(oops, err))
  end)

  it("xpcall, whose handler is called for an ordinary error", function()
    local ok, err = suspends(function()
      return xpcall(function(x)
        lull.yield()
        error(x, 0)
      end, function(e) return "handled " .. e end, "oops")
    end)
    assert.is_false(ok)
    assert.equal("handled oops", err)
  end)

  it("100 nested pcalls", function()
    local function nest(depth)
      if depth == 0 then return slow("bottom")() end
      local ok, value = pcall(nest, depth - 1)
      assert(ok, value)
      return value
    end
    assert.equal("bottom", suspends(function() return nest(100) end))
  end)

  local levels <const> = {
    timeout = function(fn, depth) return lull.timeout(100, fn, depth) end,
    group = function(fn, depth) return lull.group(function() return fn(depth) end) end,
  }
  for name, enter in pairs(levels) do
    it("50 nested calls of " .. name, function()
      local function nest(depth)
        if depth == 0 then return slow("bottom")() end
        return (enter(nest, depth - 1))
      end
      assert.equal("bottom", suspends(function() return nest(50) end))
    end)
  end

  local both <const> = function(a, b)
    lull.yield()
    return rawequal(a, b) and "same" or "other"
  end
  local operators <const> = {
    __add = function(x, y) return x + y end,
    __concat = function(x, y) return x .. y end,
    __call = function(x, y) return x(y) end,
    __index = function(x, y) return x[y] end,
  }
  for name, use in pairs(operators) do
    it("the metamethod " .. name, function()
      local a <const> = setmetatable({}, { [name] = both })
      local b <const> = setmetatable({}, {})
      assert.equal("other", suspends(function() return use(a, b) end))
    end)
  end

  it("the metamethods __eq, __lt and __le", function()
    local mt <const> = { __eq = slow(true), __lt = slow(true), __le = slow(false) }
    local a <const>, b <const> = setmetatable({}, mt), setmetatable({}, mt)
    assert.is_true(suspends(function() return a == b end))
    assert.is_true(suspends(function() return a < b end))
    assert.is_false(suspends(function() return a <= b end))
  end)

  it("the metamethods __len, __unm and __bnot", function()
    local a <const> = setmetatable({}, { __len = slow(7), __unm = slow(8), __bnot = slow(9) })
    assert.equal(7, suspends(function() return #a end))
    assert.equal(8, suspends(function() return -a end))
    assert.equal(9, suspends(function() return ~a end))
  end)

  it("the metamethod __newindex", function()
    local got
    local a <const> = setmetatable({}, { __newindex = function(_, key, value)
      lull.yield()
      got = key .. "=" .. value
    end })
    suspends(function() a.x = "y" end)
    assert.equal("x=y", got)
  end)

  it("the iterator of a for loop", function()
    local sum = 0
    suspends(function()
      for i in function(_, last)
        lull.yield()
        if last < 3 then return last + 1 end
      end, nil, 0 do
        sum = sum + i
      end
    end)
    assert.equal(6, sum)
  end)

  it("a close value", function()
    suspends(function()
      local _ <close> = closing(lull.yield)
    end)
  end)

  it("load with a function that gives the pieces", function()
    local pieces, i = { "return ", "1 + ", "41" }, 0
    local chunk <const> = suspends(function()
      return assert(load(function()
        lull.yield()
        i = i + 1
        return pieces[i]
      end))
    end)
    assert.equal(42, chunk())
  end)

  it("a chunk made by load", function()
    local chunk <const> = assert(load("local lull = ...; lull.yield() return 'loaded'"))
    assert.equal("loaded", suspends(function() return chunk(lull) end))
  end)

  it("dofile", function()
    with_file("local lull = require 'lull'; lull.yield() return 'from file'", function(path)
      assert.equal("from file", suspends(function() return dofile(path) end))
    end)
  end)

  it("table.sort with a Lua function", function()
    local list <const> = {}
    for i = 1, 50 do list[i] = i * 37 % 50 end
    suspends(function()
      table.sort(list, function(a, b)
        lull.yield()
        return a < b
      end)
    end)
    for i = 1, 50 do assert.equal(i - 1, list[i]) end
  end)

  it("table.sort whose function fails after a wait", function()
    assert.equal("oops", failure(table.sort, { 2, 1, 3 }, function()
      lull.yield()
      error("oops", 0)
    end))
  end)

  it("string.gsub with a Lua function", function()
    local text, count = suspends(function()
      return string.gsub("a1b22", "(%a)(%d+)", function(letter, digits)
        lull.yield()
        return digits .. letter
      end)
    end)
    assert.equal("1a22b", text)
    assert.equal(2, count)
  end)

  it("string.gsub called as a method, keeping matches for nil and false", function()
    local text <const> = suspends(function()
      return (("xyz"):gsub(".", function(c)
        lull.yield()
        if c == "y" then return "Y" end
        return c == "x" and nil
      end))
    end)
    assert.equal("xYz", text)
  end)
end)

describe("require", function()
  --- Preload modules for the time of fn.
  local function with_modules(modules, fn)
    for name, loader in pairs(modules) do package.preload[name] = loader end
    local _ <close> = closing(function()
      for name in pairs(modules) do
        package.preload[name] = nil
        package.loaded[name] = nil
      end
    end)
    return fn()
  end

  it("may suspend while a module loads", function()
    with_modules({ spec_slow = slow("module") }, function()
      assert.equal("module", suspends(function() return (require "spec_slow") end))
    end)
  end)

  it("loads a module once for two tasks: the second waits", function()
    local gate <const>, loads = lull.future(), 0
    with_modules({ spec_once = function()
      loads = loads + 1
      gate:await()
      return { "module" }
    end }, function()
      local first <const> = support.started(function() return (require "spec_once") end)
      local second <const> = support.started(function() return (require "spec_once") end)
      support.turns()
      assert.equal("pending", second:status())
      gate:set()
      assert.is_true(rawequal(first:await(), second:await()))
      assert.equal(1, loads)
    end)
  end)

  it("lets another task load a module that failed to load", function()
    local gate <const>, loads = lull.future(), 0
    with_modules({ spec_flaky = function()
      loads = loads + 1
      gate:await()
      if loads == 1 then error "first try" end
      return "second try"
    end }, function()
      local first <const> = support.started(function() return pcall(require, "spec_flaky") end)
      gate:set()
      assert.is_false((first:await()))
      assert.equal("second try", (require "spec_flaky"))
    end)
  end)

  it("raises in the one that closes a cycle of tasks waiting for each other", function()
    local turn <const> = lull.future()
    with_modules({
      spec_cycle_a = function()
        turn:await()
        return { other = require "spec_cycle_b" }
      end,
      spec_cycle_b = function()
        support.turns()
        local ok <const> = pcall(require, "spec_cycle_a")
        return { closed_cycle = not ok }
      end,
    }, function()
      local first <const> = support.started(function() return require "spec_cycle_a" end)
      local second <const> = support.started(function() return require "spec_cycle_b" end)
      turn:set()
      assert.is_true(second:await().closed_cycle)
      assert.is_true(first:await().other.closed_cycle)
    end)
  end)
end)

describe("where a task cannot suspend, the error says so:", function()
  it("in __gc", function()
    local ok, err
    local function drop() setmetatable({}, { __gc = function() ok, err = pcall(lull.sleep, 0) end }) end
    drop()
    for _ = 1, 4 do collectgarbage() end
    assert.is_false(ok)
    assert.is_true(#tostring(err) > 0)
  end)

  it("in __tostring under tostring", function()
    local ok, err
    local thing <const> = setmetatable({}, { __tostring = function()
      ok, err = pcall(lull.sleep, 0)
      return "thing"
    end })
    assert.equal("thing", tostring(thing))
    assert.is_false(ok)
    assert.is_true(#tostring(err) > 0)
    lull.yield()
  end)

  it("pcalls nested beyond Lua's C limit raise, and the task goes on", function()
    local deepest = 0
    local function nest(depth)
      deepest = depth
      local ok, err = pcall(nest, depth + 1)
      if not ok then error(err, 0) end
    end
    local err <const> = failure(nest, 1)
    assert.is_true(#tostring(err) > 0)
    assert.is_true(deepest > 100)
    lull.yield()
  end)
end)
