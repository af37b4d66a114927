--- layer_pcall_spec.lua: pcall, xpcall and metamethods inside a task.
---
--- Where nothing waits they behave as in stock Lua: each snippet prints the same there and here.
--- A wait inside them works, and where it cannot work the error says why.

local lull = require "lull"
local testing = require "lull.testing"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_layer.lua")
local go, ends = support.go, support.ends

local stock = support.batch {
  { "pcall passes arguments and results", [[
    local out = ...
    out(pcall(function(...) return select("#", ...), ... end, 1, nil, 3, nil))
    out(pcall(function() end))
    out(select("#", pcall(function() return nil, nil end)))
    out(pcall(pcall, pcall, print == nil))
    out(pcall(math.max, 1, 5, 3)) ]] },
  { "pcall without a function", [[
    local out = ...
    out(pcall(pcall))
    out(pcall(nil))
    out(pcall(42))
    out(pcall({}))
    out(pcall("text", 1)) ]] },
  { "pcall calls what has __call", [[
    local out = ...
    local t = setmetatable({}, { __call = function(self, ...) return type(self), ... end })
    out(pcall(t, 1, 2))
    out(xpcall(t, print, 3)) ]] },
  { "error objects of every type", [[
    local out = ...
    local t = setmetatable({}, { __tostring = function() return "an object" end })
    for _, e in ipairs { 1, 1.5, "s", true, false, t, out } do
      local ok, got = pcall(error, e)
      out(ok, type(got), rawequal(e, got))
      ok, got = pcall(function() error(e, 0) end)
      out(ok, type(got), rawequal(e, got))
    end
    out(pcall(error))
    out(pcall(error, nil))
    out(select("#", pcall(error)))
    out(pcall(error, t)) ]] },
  { "levels of error", [[
    local out = ...
    local function fail(level) error("e", level) end
    local function call(level)
      fail(level)
    end
    for level = 0, 3 do out(level, pcall(call, level)) end
    out(pcall(error, "direct"))
    out(pcall(error, "direct", 2))
    out(pcall(fail)) ]] },
  { "runtime errors and their positions", [[
    local out = ...
    local t, n, s = {}, 1, "x"
    out(pcall(function() return t.a.b end))
    out(pcall(function() return n() end))
    out(pcall(function() t.x.y = 1 end))
    out(pcall(function() return s + 1 end))
    out(pcall(function() return t .. s end))
    out(pcall(function() return t < t end))
    out(pcall(function() return 1 < s end))
    out(pcall(function() return #n end))
    out(pcall(function() return 1 // 0 end))
    out(pcall(function() return 1.5 | 1 end))
    out(pcall(function() t[nil] = 1 end))
    out(pcall(function() t[0 / 0] = 1 end))
    out(pcall(function() for _ = 1, 10, 0 do break end end))
    out(pcall(function() for _ = "a", 2 do break end end))
    out(pcall(function() undefined_global_of_this_spec() end))
    out(pcall(function() string.nothing() end)) ]] },
  { "argument errors name the function", [[
    local out = ...
    out(pcall(function() string.rep() end))
    out(pcall(function() ("x"):rep({}) end))
    out(pcall(string.rep))
    out(pcall(function() setmetatable(1, {}) end))
    out(pcall(function() ipairs() end))
    out(pcall(function() math.floor("x") end))
    out(pcall(function() table.concat({ {} }) end))
    out(pcall(function() pcall() end))
    out(pcall(function() xpcall() end))
    out(pcall(function() coroutine.resume(1) end))
    out(pcall(function() coroutine.wrap(1) end))
    out(pcall(function() coroutine.create() end))
    out(pcall(function() table.sort(1) end))
    out(pcall(function() string.gsub("x", "x", true) end))
    out(pcall(function() load(1) end))
    out(pcall(function() require() end)) ]] },
  { "xpcall passes arguments and results", [[
    local out = ...
    out(xpcall(function(...) return select("#", ...), ... end, print, 1, nil, 3))
    out(xpcall(error, function(e) return "handled " .. tostring(e) end, "x"))
    out(xpcall(error, function() return 1, 2, 3 end))
    out(xpcall(error, function() end, "x"))
    out(select("#", xpcall(error, function() end, "x"))) ]] },
  { "xpcall with a wrong handler", [[
    local out = ...
    out(pcall(xpcall))
    out(pcall(xpcall, print))
    out(pcall(xpcall, print, nil))
    out(pcall(xpcall, print, 42))
    out(pcall(xpcall, error, {})) ]] },
  { "xpcall of what cannot be called", [[
    local out = ...
    out(xpcall(nil, function(e) return "handled: " .. e end))
    out(xpcall({}, function(e) return "handled: " .. e end)) ]] },
  { "xpcall's handler sees the error at its level", [[
    local out = ...
    local function boom() local x = nil; return x.y end
    out(xpcall(boom, function(e)
      return e .. ", line " .. debug.getinfo(2, "l").currentline
    end))
    out(xpcall(error, function(e) return type(e), rawequal(e, e) end, {}))
    out(xpcall(function() error("pos") end, function(e) return e:upper() end)) ]] },
  { "an error in xpcall's handler", [[
    local out = ...
    local ok, e = xpcall(error, function() error("again") end, "x")
    out(ok, type(e))
    local calls = 0
    out(xpcall(error, function(e2)
      calls = calls + 1
      if calls == 1 then error("second", 0) end
      return "handled " .. e2
    end, "first"))
    out(calls) ]] },
  { "nested protected calls", [[
    local out = ...
    out(pcall(pcall, error, "e"))
    out(pcall(xpcall, error, function(e) return "h" .. e end, "e"))
    out(xpcall(pcall, print, error, "e"))
    out(pcall(function()
      local ok, e = pcall(error, "inner", 0)
      out(ok, e)
      error("outer", 0)
    end)) ]] },
  { "a deep stack of Lua calls overflows as an error", [[
    local out = ...
    local function deep() return 1 + deep() end
    local ok, e = pcall(deep)
    out(ok, type(e), e:find("stack overflow", 1, true) ~= nil)
    out(pcall(function() return "still alive" end)) ]] },
  { "to-be-closed variables in protected calls", [[
    local out = ...
    local function closing(name, fail)
      return setmetatable({}, { __close = function(_, e)
        out("close", name, e)
        if fail then error(fail, 0) end
      end })
    end
    out(pcall(function()
      local _ <close> = closing("a")
      local _ <close> = closing("b", "b failed")
      local _ <close> = closing("c")
      error("body", 0)
    end))
    out(pcall(function()
      local _ <close> = closing("d")
      return 1, 2, 3
    end))
    out(pcall(function()
      local _ <close> = 42
    end))
    out(xpcall(function()
      local _ <close> = closing("e")
      error("body", 0)
    end, function(e)
      out("handler", e)
      return "handled " .. e
    end)) ]] },
  { "error, assert and their values", [[
    local out = ...
    out(pcall(assert, false))
    out(pcall(assert, nil, "message"))
    out(pcall(assert, false, 42))
    out(pcall(assert))
    out(pcall(assert, 1, 2, 3))
    local t = {}
    local _, e = pcall(assert, false, t)
    out(rawequal(t, e)) ]] },
  { "names of the functions stay known", [[
    local out = ...
    for _, name in ipairs { "pcall", "xpcall", "require", "load", "dofile", "error", "select" } do
      out(name, type(_G[name]))
    end
    out(_G._G == _G, package.loaded._G == _G, package.loaded.coroutine == coroutine) ]] },
}

describe("stock behaviour of", function()
  for i, snippet in ipairs(stock.snippets) do
    it(snippet.name, function() stock.check(i) end)
  end
end)

--- Wait so that another task runs in between, and say so; returns what it is given.
local function wait(...)
  local ran = false
  local other = go(function() ran = true end)
  lull.yield()
  assert(ran, "the wait let nobody else run")
  ends("done", other)
  return ...
end

describe("a wait inside", function()
  it("pcall works and keeps all results", function()
    assert.are.same({ true, 1, nil, 3, nil, n = 5 }, table.pack(pcall(wait, 1, nil, 3, nil)))
  end)

  it("pcall works before an error, which is caught", function()
    local e = {}
    local ok, got = pcall(function()
      wait()
      error(e)
    end)
    assert.is_false(ok)
    assert.is_true(rawequal(e, got))
  end)

  it("nested pcalls works", function()
    assert.are.same({ true, true, true, "x" }, { pcall(pcall, pcall, wait, "x") })
  end)

  it("xpcall works and keeps all results", function()
    local got = table.pack(xpcall(wait, print, 1, nil))
    assert.are.same({ true, 1, nil, n = 3 }, got)
  end)

  it("xpcall works before an error, which its handler gets", function()
    local ok, got = xpcall(function()
      wait()
      error("late", 0)
    end, function(e) return "handled " .. e end)
    assert.is_false(ok)
    assert.are.equal("handled late", got)
  end)

  it("arithmetic, comparison and concatenation metamethods works", function()
    local meta = {}
    for event in ("add sub mul div mod pow idiv band bor bxor shl shr"):gmatch("%a+") do
      meta["__" .. event] = function() return wait(event) end
    end
    meta.__unm = function() return wait("unm") end
    meta.__bnot = function() return wait("bnot") end
    meta.__concat = function(_, b) return wait("concat" .. b) end
    local t = setmetatable({}, meta)
    assert.are.same({ "add", "sub", "mul", "div", "mod", "pow", "idiv" },
      { t + 1, t - 1, t * 1, t / 1, t % 1, t ^ 1, t // 1 })
    assert.are.same({ "band", "bor", "bxor", "shl", "shr" }, { t & 1, t | 1, t ~ 1, t << 1, t >> 1 })
    assert.are.same({ "unm", "bnot", "concatxy" }, { -t, ~t, t .. "x" .. "y" })
  end)

  it("__eq, __lt, __le and __len works, negated too", function()
    local meta = {
      __eq = function() return wait(true) end,
      __lt = function() return wait(false) end,
      __le = function() return wait(true) end,
      __len = function() return wait(7) end,
    }
    local a, b = setmetatable({}, meta), setmetatable({}, meta)
    assert.is_true(a == b)
    assert.is_false(a ~= b)
    assert.is_false(a < b)
    assert.is_false(a > b)
    assert.is_true(a <= b)
    assert.are.equal(7, #a)
    local branch
    if a == b then branch = "equal" else branch = "different" end
    assert.are.equal("equal", branch)
  end)

  it("__index, __newindex and __call works", function()
    local written = {}
    local t = setmetatable({}, {
      __index = function(_, key) return wait(key .. "!") end,
      __newindex = function(_, key, value) written[key] = wait(value) end,
      __call = function(_, ...) return wait(...) end,
    })
    assert.are.equal("name!", t.name)
    assert.are.equal("1!", t[1])
    t.key = "value"
    assert.are.equal("value", written.key)
    assert.are.same({ 1, nil, 3, n = 3 }, table.pack(t(1, nil, 3)))
  end)

  it("an __index of an __index works", function()
    local base = setmetatable({}, { __index = function(_, key) return wait(key) end })
    assert.are.equal("deep", setmetatable({}, { __index = base }).deep)
  end)

  it("__pairs works", function()
    local t = setmetatable({}, { __pairs = function() return wait(next, { a = 1 }, nil) end })
    for key, value in pairs(t) do assert.are.same({ "a", 1 }, { key, value }) end
  end)

  it("__close works, on a normal end and after an error", function()
    local log = {}
    local function closing(name)
      return setmetatable({}, { __close = function(_, e) log[#log + 1] = wait(name .. tostring(e)) end })
    end
    do
      local _ <close> = closing("a ")
      local _ <close> = closing("b ")
    end
    local ok, e = pcall(function()
      local _ <close> = closing("c ")
      error("out", 0)
    end)
    assert.is_false(ok)
    assert.are.equal("out", e)
    assert.are.same({ "b nil", "a nil", "c out" }, log)
  end)

  it("__close keeps the results of a return", function()
    local function f()
      local _ <close> = setmetatable({}, { __close = function() wait() end })
      return 1, nil, 3
    end
    assert.are.same({ 1, nil, 3, n = 3 }, table.pack(f()))
  end)

  it("table.sort, string.gsub and load with a Lua function works", function()
    local list = { 3, 1, 2 }
    table.sort(list, function(a, b) return wait(a < b) end)
    assert.are.same({ 1, 2, 3 }, list)
    assert.are.equal("<a><b>", (("ab"):gsub(".", function(c) return wait("<" .. c .. ">") end)))
    local parts = { "return ", "42" }
    local i = 0
    local chunk = load(function()
      i = i + 1
      return wait(parts[i])
    end)
    assert.are.equal(42, chunk())
  end)
end)

describe("a wait that cannot work", function()
  --- Try to wait, note what was raised.
  local function try(log)
    local ok, e = pcall(lull.yield)
    log[#log + 1] = ok and "waited" or tostring(e)
    return "x"
  end

  --- One attempt must have failed with a text that has one of these words.
  local function names(log, ...)
    assert.are.equal(1, #log)
    assert.are_not.equal("waited", log[1])
    for _, word in ipairs { ... } do
      if log[1]:lower():find(word, 1, true) then return end
    end
    error("the reason is not named: " .. log[1])
  end

  it("names __gc", function()
    local log = {}
    setmetatable({}, { __gc = function() try(log) end })
    collectgarbage()
    collectgarbage()
    names(log, "__gc", "finalizer")
  end)

  it("names tostring for a __tostring", function()
    local log = {}
    local t = setmetatable({}, { __tostring = function() return try(log) end })
    assert.are.equal("x", tostring(t))
    names(log, "tostring", "c function", "c call", "c-call")
  end)

  it("names the C function for string.format's __tostring", function()
    local log = {}
    local t = setmetatable({}, { __tostring = function() return try(log) end })
    assert.are.equal("x", string.format("%s", t))
    names(log, "format", "tostring", "c function", "c call", "c-call")
  end)

  it("names the C function for table.concat's __index", function()
    local log = {}
    local t = setmetatable({}, { __len = function() return 1 end, __index = function() return try(log) end })
    assert.are.equal("x", table.concat(t))
    names(log, "concat", "__index", "c function", "c call", "c-call")
  end)

  it("names the C function for a callback of a foreign module", function()
    local log = {}
    local lpeg = require "lpeg"
    assert.are.equal("x", lpeg.match(lpeg.C("a") / function() return try(log) end, "a"))
    names(log, "c function", "c call", "c-call", "match")
  end)

  it("leaves the task able to wait afterwards", function()
    local log = {}
    tostring(setmetatable({}, { __tostring = function() return try(log) end }))
    assert.are.equal("fine", wait("fine"))
  end)
end)

describe("the own cancellation", function()
  --- Start a task that swallows errors with this function around a wait, cancel it; the calls it made.
  local function swallowing(protect)
    local log = {}
    local task = go(function()
      protect(function() lull.sleep_forever() end, log)
      log[#log + 1] = "swallowed"
    end)
    testing.settle()
    task:cancel()
    ends("cancelled", task)
    return log
  end

  it("is not kept by pcall", function()
    assert.are.same({}, swallowing(pcall))
  end)

  it("is not kept by xpcall, whose handler is not called", function()
    assert.are.same({}, swallowing(function(fn, log)
      xpcall(fn, function() log[#log + 1] = "handler" end)
    end))
  end)

  it("is not kept by any depth of them", function()
    assert.are.same({}, swallowing(function(fn, log)
      pcall(xpcall, pcall, function() log[#log + 1] = "handler" end, fn)
    end))
  end)

  it("lets pcall keep a different error, and comes again at the next checkpoint", function()
    local log = {}
    assert.are.same({ "different" }, swallowing(function(fn)
      local ok, e = pcall(function()
        local _ <close> = setmetatable({}, { __close = function() error("different", 0) end })
        fn()
      end)
      log[1] = not ok and e
      lull.yield()
      log[2] = "went on"
    end) and log)
  end)

  it("of another task is an ordinary error", function()
    local other = go(lull.sleep_forever)
    testing.settle()
    other:cancel()
    local ok, e = pcall(other.await, other)
    assert.is_false(ok)
    assert.is_true(lull.is_error(e, "cancelled"))
  end)
end)
