--- layer_coroutine_spec.lua: coroutines inside a task.
---
--- Where nothing waits they behave as in stock Lua: each snippet prints the same there and here.

local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_layer.lua")

local stock = support.batch {
  { "values through resume and yield", [[
    local out = ...
    local co = coroutine.create(function(...)
      out("start", ...)
      out("second", coroutine.yield(1, nil, 3))
      out("third", coroutine.yield())
      return "end", nil
    end)
    out(coroutine.resume(co, "a", nil, "c"))
    out(coroutine.resume(co, nil))
    out(select("#", coroutine.resume(co, 1, 2, nil)))
    out(coroutine.resume(co))
    out(coroutine.status(co)) ]] },
  { "status of every state", [[
    local out = ...
    local outer
    local co = coroutine.create(function()
      out(coroutine.status(outer))
      coroutine.yield()
    end)
    outer = coroutine.create(function()
      out(coroutine.status(outer), coroutine.status(co))
      coroutine.resume(co)
      out(coroutine.status(co))
    end)
    out(coroutine.status(outer))
    coroutine.resume(outer)
    out(coroutine.status(outer), coroutine.status(co))
    out(coroutine.status(coroutine.running()))
    local failed = coroutine.create(error)
    coroutine.resume(failed)
    out(coroutine.status(failed)) ]] },
  { "running and isyieldable", [[
    local out = ...
    local thread, main = coroutine.running()
    out(type(thread), main, coroutine.isyieldable(), thread == coroutine.running())
    local co
    co = coroutine.create(function()
      local self, is_main = coroutine.running()
      out(self == co, is_main, coroutine.isyieldable())
      coroutine.yield()
    end)
    coroutine.resume(co)
    out(coroutine.isyieldable(co)) ]] },
  { "resuming what cannot be resumed", [[
    local out = ...
    out(coroutine.resume(coroutine.running()))
    local dead = coroutine.create(function() end)
    coroutine.resume(dead)
    out(coroutine.resume(dead))
    local outer
    local inner = coroutine.create(function() return coroutine.resume(outer) end)
    outer = coroutine.create(function() return coroutine.resume(inner) end)
    out(coroutine.resume(outer))
    local self
    self = coroutine.create(function() return coroutine.resume(self) end)
    out(coroutine.resume(self))
    local w
    w = coroutine.wrap(function() return pcall(w) end)
    out(w()) ]] },
  { "wrap", [[
    local out = ...
    local gen = coroutine.wrap(function(...)
      out(...)
      out(coroutine.yield(1, 2))
      return "last"
    end)
    out(gen("a", nil))
    out(gen("b"))
    out(pcall(gen))
    local squares = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i, i * i) end end)
    for i, v in squares do out(i, v) end ]] },
  { "errors across wrap with their positions", [[
    local out = ...
    out(pcall(coroutine.wrap(function() error("e") end)))
    out(pcall(coroutine.wrap(function() error("e", 0) end)))
    out(pcall(coroutine.wrap(function() error("e", 2) end)))
    out(pcall(function()
      coroutine.wrap(function() error("in wrap") end)()
    end))
    out(pcall(function()
      coroutine.wrap(function()
        coroutine.wrap(function() error("two deep") end)()
      end)()
    end))
    out(pcall(function()
      for _ in coroutine.wrap(function() local x; return x.y end) do break end
    end))
    local dead = coroutine.wrap(function() end)
    dead()
    out(pcall(function() dead() end)) ]] },
  { "error objects of every type across resume and wrap", [[
    local out = ...
    for _, e in ipairs { 1, 1.5, "s", true, false, {}, out } do
      local ok, got = coroutine.resume(coroutine.create(function() error(e, 0) end))
      out(ok, type(got), rawequal(e, got))
      ok, got = pcall(coroutine.wrap(function() error(e, 0) end))
      out(ok, type(got), type(e) == "string" or rawequal(e, got))
    end
    out(coroutine.resume(coroutine.create(function() error() end)))
    out(pcall(coroutine.wrap(function() error(nil) end))) ]] },
  { "close in every state", [[
    local out = ...
    out(coroutine.close(coroutine.create(print)))
    local co = coroutine.create(function() coroutine.yield() end)
    coroutine.resume(co)
    out(coroutine.close(co), coroutine.status(co))
    out(coroutine.close(co))
    local failed = coroutine.create(function() error("e", 0) end)
    coroutine.resume(failed)
    out(coroutine.status(failed))
    out(coroutine.close(failed))
    out(coroutine.close(failed))
    out(pcall(coroutine.close, (coroutine.running())))
    local outer
    outer = coroutine.create(function()
      coroutine.wrap(function() out(pcall(coroutine.close, outer)) end)()
    end)
    coroutine.resume(outer)
    out(pcall(coroutine.close, 1))
    out(pcall(coroutine.close)) ]] },
  { "to-be-closed variables of a closed coroutine", [[
    local out = ...
    local function closing(name, fail)
      return setmetatable({}, { __close = function(_, e)
        out("close", name, e)
        if fail then error(fail, 0) end
      end })
    end
    local function body(...)
      local fails = { ... }
      return coroutine.create(function()
        local _ <close> = closing("a", fails[1])
        local _ <close> = closing("b", fails[2])
        local function inner()
          local _ <close> = closing("c", fails[3])
          coroutine.yield("up")
        end
        inner()
        return "unreached"
      end)
    end
    for _, fails in ipairs { {}, { false, "b failed" }, { "a failed", false, "c failed" }, { 1, 2, 3 } } do
      local co = body(table.unpack(fails, 1, 3))
      out(coroutine.resume(co))
      out(coroutine.close(co))
      out(coroutine.status(co))
      out(coroutine.resume(co))
    end ]] },
  { "to-be-closed variables of a failed coroutine", [[
    local out = ...
    local function closing(name, fail)
      return setmetatable({}, { __close = function(_, e)
        out("close", name, e)
        if fail then error(fail, 0) end
      end })
    end
    local co = coroutine.create(function()
      local _ <close> = closing("a")
      local _ <close> = closing("b", "b failed")
      error("body", 0)
    end)
    out(coroutine.resume(co))
    out("before close")
    out(coroutine.close(co))
    out(pcall(coroutine.wrap(function()
      local _ <close> = closing("c", "c failed")
      local _ <close> = closing("d")
      error({}, 0)
    end)))
    for _ in coroutine.wrap(function()
      local _ <close> = closing("e")
      coroutine.yield(1)
    end) do out("in the loop") end ]] },
  { "to-be-closed values in a generic for over a coroutine", [[
    local out = ...
    local function each(n)
      local co = coroutine.create(function() for i = 1, n do coroutine.yield(i) end end)
      local function step()
        local _, v = coroutine.resume(co)
        return v
      end
      return step, nil, nil, setmetatable({}, { __close = function() out("closed", coroutine.close(co)) end })
    end
    for i in each(3) do out(i) end
    for i in each(3) do
      if i == 2 then break end
      out(i)
    end
    out(pcall(function() for _ in each(3) do error("out", 0) end end)) ]] },
  { "nested coroutines", [[
    local out = ...
    local function tree(depth)
      return coroutine.wrap(function()
        if depth > 0 then
          for v in tree(depth - 1) do coroutine.yield(depth .. v) end
        end
        coroutine.yield("." .. depth)
      end)
    end
    for v in tree(4) do out(v) end ]] },
  { "a yield passes through pcall, metamethods and iterators", [[
    local out = ...
    local t = setmetatable({}, {
      __index = function(_, k) return coroutine.yield("index " .. k) end,
      __add = function() return coroutine.yield("add") end,
      __eq = function() return coroutine.yield("eq") end,
      __concat = function() return coroutine.yield("concat") end,
      __lt = function() return coroutine.yield("lt") end,
      __call = function(_, x) return coroutine.yield("call " .. x) end,
    })
    local u = setmetatable({}, getmetatable(t))
    local co = coroutine.wrap(function()
      out(t.x, t + 1, t == u, "a" .. t, t < u, t(5))
      out(pcall(coroutine.yield, "in pcall"))
      out(xpcall(coroutine.yield, print, "in xpcall"))
      out(pcall(function() coroutine.yield("then fail"); error("late", 0) end))
      for v in function() return coroutine.yield("iterate") end do out(v) end
      return "end"
    end)
    local r = co()
    local n = 0
    while r ~= "end" do
      n = n + 1
      out(r)
      if r == "iterate" and n > 14 then r = co(nil) else r = co(n) end
    end
    out(n) ]] },
  { "a yield across a C function is refused", [[
    local out = ...
    local t = setmetatable({}, { __tostring = function() coroutine.yield(); return "x" end })
    out(coroutine.resume(coroutine.create(function() return tostring(t) end)))
    out(coroutine.wrap(function() return select(2, pcall(tostring, t)) end)()) ]] },
  { "a coroutine that runs library functions", [[
    local out = ...
    out(coroutine.resume(coroutine.create(math.max), 1, 5))
    out(coroutine.resume(coroutine.create(coroutine.yield), 1, 2))
    out(coroutine.wrap(pcall)(error, "e"))
    out(coroutine.wrap(coroutine.wrap)(print) ~= nil)
    out(coroutine.resume(coroutine.create(error), "e"))
    out(select("#", table.unpack(coroutine.wrap(function() return { 1, 2, 3 } end)()))) ]] },
  { "tracebacks of coroutines", [[
    local out, cut = ...
    local function deep(n)
      if n == 0 then coroutine.yield() else deep(n - 1) end
      return n
    end
    local co = coroutine.create(deep)
    out(debug.traceback(co))
    coroutine.resume(co, 3)
    out(debug.traceback(co, "message", 1))
    local failed = coroutine.create(function() local x; x() end)
    out(coroutine.resume(failed))
    out(debug.traceback(failed))
    coroutine.wrap(function() out(debug.traceback("inside")) end)() ]] },
  { "debug functions reach into a coroutine", [[
    local out = ...
    local co = coroutine.create(function(a)
      local b = a * 2
      coroutine.yield(b)
    end)
    coroutine.resume(co, 21)
    local info = debug.getinfo(co, 1, "Sl")
    out(info.what, info.short_src, info.currentline)
    out(debug.getlocal(co, 1, 1))
    out(debug.getlocal(co, 1, 2)) ]] },
}

describe("stock behaviour of", function()
  for i, snippet in ipairs(stock.snippets) do
    it(snippet.name, function() stock.check(i) end)
  end
end)

describe("at task level", function()
  it("a plain yield raises", function()
    assert.is_false((pcall(coroutine.yield, 1)))
  end)

  it("running and isyieldable answer as in a main coroutine", function()
    local thread, main = coroutine.running()
    assert.are.equal("thread", type(thread))
    assert.is_true(main)
    assert.is_false(coroutine.isyieldable())
  end)
end)
