--- worker_values_spec.lua: lull.worker: what travels to other threads, and what does not.

local lull = require "lull"
local worker = require "lull.worker"
local here <const> = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local failure <const> = dofile(here .. "support.lua").failure

--- What the file's tests use most: two workers, which the tests leave as they were.
local pool
setup(function()
  pool = worker.pool(2)
  lull.gather(lull.async(pool.call)(pool, type, 1), lull.async(pool.call)(pool, type, 1))
end)
teardown(function() pool:close() end)

--- Send values there and back.
local function echo(...)
  return pool:call(function(...) return ... end, ...)
end

describe("values that travel", function()
  it("arrive as they are, nils included", function()
    local got <const> = table.pack(echo(nil, true, false, 1, "text", nil))
    assert.are.same({ n = 6, nil, true, false, 1, "text", nil }, got)
  end)

  it("keep integers and floats apart", function()
    for _, value in ipairs { 0, -1, 1, 127, 128, math.maxinteger, math.mininteger, 1.0, -0.0, 0.1,
      math.huge, -math.huge, 2.0 ^ 53 } do
      local got <const> = echo(value)
      assert.are.equal(math.type(value), math.type(got))
      assert.are.equal(string.pack("n", value), string.pack("n", got))
    end
    local nan <const> = echo(0 / 0)
    assert.is_true(nan ~= nan)
  end)

  it("are strings with any bytes, of any length", function()
    for _, text in ipairs { "", "\0", "a\0b\255", ("x"):rep(127), ("x"):rep(128), ("\0\1"):rep(2 ^ 20) } do
      assert.is_true(echo(text) == text)
    end
  end)

  it("are copies: the tables are others", function()
    local list <const> = { 1, 2, { 3 } }
    local got <const> = echo(list)
    assert.are.same(list, got)
    assert.are_not.equal(list, got)
    assert.are_not.equal(list[3], got[3])
  end)

  it("are tables with keys of every kind, and holes", function()
    local key <const> = { "key" }
    local got <const> = echo { [key] = 1, [true] = 2, [1.5] = 3, [-1] = 4, [0] = 5, x = 6, 7, nil, 9 }
    local found
    for k, v in pairs(got) do
      if type(k) == "table" then found = k[1] .. v end
    end
    assert.are.equal("key1", found)
    assert.are.same({ 2, 3, 4, 5, 6, 7, 9 },
      { got[true], got[1.5], got[-1], got[0], got.x, got[1], got[3] })
    assert.is_nil(got[2])
  end)

  it("are tables that Lua takes for lists of endless length", function()
    local keys <const> = {}
    for i = 0, 62 do keys[i + 1] = ("[%d]=true"):format(1 << i) end
    local t <const> = load("return {" .. table.concat(keys, ",") .. "}")()
    assert.is_true(#t > 1 << 60)
    assert.are.same(t, echo(t))
  end)

  it("are tables that are metatables, from a limited runtime, too", function()
    local class <const> = pool:call(function()
      local class <const> = { x = 1 }
      setmetatable({}, class)
      return class
    end)
    assert.are.same({ x = 1 }, class)
  end)

  it("keep cycles and what is shared, also between arguments", function()
    local a <const>, b = {}, {}
    a.self, a.b, b.a = a, b, a
    local c <const>, d = echo(a, b)
    assert.are.equal(c, c.self)
    assert.are.equal(d, c.b)
    assert.are.equal(c, d.a)
  end)

  it("may be nested as deeply as one likes", function()
    local deep = {}
    for _ = 1, 200000 do deep = { deep } end
    local got, depth = echo(deep), 0
    while got do got, depth = got[1], depth + 1 end
    assert.are.equal(200001, depth)
  end)

  it("may be very many", function()
    local list <const> = {}
    for i = 1, 5000 do list[i] = i end
    local got <const> = table.pack(echo(table.unpack(list)))
    assert.are.equal(5000, got.n)
    assert.are.same(list, { table.unpack(got, 1, got.n) })
  end)

  it("are error objects, which stay such", function()
    local cause <const> = lull.new_error("dns", "inner", { code = "EAI" })
    local got <const> = echo(lull.new_error("io", "outer", { cause = cause, list = { 1 } }))
    assert.is_true(lull.is_error(got, "io"))
    assert.is_true(lull.is_error(got.cause, "dns"))
    assert.are.equal("EAI", got.cause.code)
    assert.are.equal("io: outer", tostring(got))
    assert.are.same({ 1 }, got.list)
  end)

  it("are null and arrays of lull.json", function()
    local json <const> = require "lull.json"
    local got <const> = echo { json.null, json.array {}, {} }
    assert.are.equal(json.null, got[1])
    assert.are.equal('[null,[],{}]', json.encode(got))
    assert.are.equal('[[],null]', pool:call(function(t) return require("lull.json").encode(t) end,
      { json.array {}, json.null }))
  end)

  it("may have the metatable of another array, in a limited runtime, too", function()
    assert.are.equal("[]", pool:call(function()
      local json <const> = require "lull.json"
      return json.encode(setmetatable({}, getmetatable(json.array())))
    end))
  end)

  it("are modules and what they have, by their names", function()
    assert.are.equal(string.format, echo(string.format))
    assert.are.equal(math, echo(math))
    assert.are.equal(lull, echo { lull }[1])
    assert.are.equal(lull.sleep, echo(lull.sleep))
  end)
end)

describe("functions that travel", function()
  it("take copies of their upvalues along", function()
    local count <const> = { 0 }
    local step = 2
    local function add() count[1] = count[1] + step return count[1] end
    for _ = 1, 4 do assert.are.equal(2, pool:call(add)) end
    step = 5
    assert.are.equal(5, pool:call(add))
    assert.are.same({ 0 }, count)
  end)

  it("may be recursive, and know each other", function()
    local even
    local function odd(n) return n ~= 0 and even(n - 1) end
    function even(n) return n == 0 or odd(n - 1) end
    assert.is_true(pool:call(even, 10))
    assert.is_false(pool:call(odd, 10))
  end)

  it("share variables that they shared", function()
    local n = 1
    local function get() return n end
    local function set(value) n = value end
    assert.are.equal(7, pool:call(function()
      set(7)
      return get()
    end))
    assert.are.equal(1, n)
  end)

  it("are apart when they were apart", function()
    local function adder(n) return function(x) return x + n end end
    local a <const>, b <const> = adder(1), adder(100)
    assert.are.same({ 2, 101 }, { pool:call(function(f, g) return f(1), g(1) end, a, b) })
    assert.are.equal(101, pool:call(b, 1))
    assert.are.equal(2, pool:call(a, 1))
  end)

  it("are apart from others with the same code and other modules", function()
    local function caller(module) return function(...) return module.len(...) end end
    local a <const>, b <const> = caller(string), caller(utf8)
    assert.are.same({ 2, 1 }, { pool:call(function(f, g) return f "ü", g "ü" end, a, b) })
    assert.are.same({ 1, 2 }, { pool:call(function(f, g) return f "ü", g "ü" end, b, a) })
  end)

  it("are apart from those of other calls, there and here", function()
    local function caller(module) return function(...) return module.len(...) end end
    local one <close> = worker.pool(1)
    local function keep(f) kept = kept or f return kept end -- luacheck: ignore
    one:call(keep, caller(string))
    one:call(function(f) return f "ü" end, caller(utf8))
    assert.are.equal(2, one:call(keep, 0) "ü")
    assert.are.equal(2, one:call(function() return kept "ü" end)) -- luacheck: ignore
    local a <const>, b <const> = one:call(caller, string), one:call(caller, utf8)
    assert.are.same({ 2, 1 }, { a "ü", b "ü" })
  end)

  it("have the worker's globals", function()
    local one <close> = worker.pool(1)
    one:call(function() of_the_worker = "kept" end) -- luacheck: ignore
    assert.are.equal("kept", one:call(function() return of_the_worker end)) -- luacheck: ignore
    assert.is_nil(rawget(_G, "of_the_worker"))
  end)

  it("come back as results", function()
    local n <const> = 4
    local back <const> = pool:call(function() return function(x) return x * n end end)
    assert.are.equal(20, back(5))
  end)

  it("may wait over there", function()
    assert.are.equal("waited", pool:call(function()
      local task <const> = lull.spawn(function() lull.sleep(0.001) return "waited" end)
      return task:await()
    end))
  end)

  it("are found in modules by name", function()
    assert.are.equal("abab", pool:call("string", "rep", "ab", 2))
    assert.are.equal("abab", worker.call("string", "rep", "ab", 2))
    local e <const> = failure(pool.call, pool, "string", "no_such")
    assert.are.equal("the module 'string' has no 'no_such'", e)
  end)
end)

describe("what cannot travel", function()
  local function refused(path, why, ...)
    local e <const> = failure(pool.call, pool, function() end, ...)
    assert.is_true(lull.is_error(e, "usage"))
    assert.are.equal(path, e.path)
    assert.are.equal(path .. ": " .. why .. " cannot travel", e.message)
  end

  it("is refused with its path", function()
    local co <const> = coroutine.create(print)
    refused("argument 2", "a coroutine", co)
    refused("argument 3.list[3].fn", "a coroutine", 1, { list = { 1, 2, { fn = co } } })
    refused('argument 2["a b"][true]', "a coroutine", { ["a b"] = { [true] = co } })
    refused("argument 2", "a table with a metatable", setmetatable({}, {}))
    refused("argument 2.task", "a userdata (lull.task)", { task = lull.current() })
    refused("argument 2, upvalue 'co'", "a coroutine", function() return co end)
  end)

  it("is refused as a key, too", function()
    refused("argument 2[a thread]", "a coroutine", { [coroutine.create(print)] = 1 })
  end)

  it("is refused at the end of a long path", function()
    local deep = coroutine.create(print)
    for _ = 1, 1000 do deep = { deep } end
    local e <const> = failure(pool.call, pool, function() end, deep)
    assert.is_truthy(e.path:find("^argument 2%.%.%.%[1%]%[1%]"), e.path)
    assert.is_true(#e.path < 500)
  end)

  it("is refused before anything starts", function()
    local one <close> = worker.pool(1)
    failure(one.map, one, function() end, { 1, coroutine.create(print) })
    local e <const> = failure(one.map, one, function() return pool.n end, { 1 })
    assert.are.equal("argument 1, upvalue 'pool'", e.path)
  end)

  it("is an error of the call when it is a result", function()
    local e <const> = failure(pool.call, pool, function()
      return 1, { coroutine.create(print) }
    end)
    assert.is_true(lull.is_error(e, "usage"))
    assert.are.equal("result 2[1]", e.path)
  end)

  it("is what a map's item has", function()
    local e <const> = failure(pool.map, pool, function() end, { 1, 2, { x = coroutine.create(print) } },
      { chunk = 2 })
    assert.are.equal("item 3.x", e.path)
  end)
end)
