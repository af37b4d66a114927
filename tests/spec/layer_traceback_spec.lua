--- layer_traceback_spec.lua: error values, positions and tracebacks inside a task.
---
--- Each snippet prints the same in stock Lua and here; tracebacks are cut below the snippet itself.

local lull = require "lull"
local testing = require "lull.testing"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_layer.lua")
local go, ends = support.go, support.ends

local stock = support.batch {
  { "debug.traceback names functions and lines", [[
    local out, cut = ...
    local function inner() return (debug.traceback("message")) end
    local function outer()
      local text = inner()
      return text
    end
    out(cut(outer()))
    out(cut(debug.traceback()))
    out(cut(debug.traceback("m", 1)))
    out(cut((debug.traceback("m", 2))):match("^[^\n]*")) ]] },
  { "debug.traceback of what is no string", [[
    local out = ...
    local t = {}
    out(debug.traceback(t) == t)
    out(debug.traceback(true), debug.traceback(42):match("^%d+"))
    out(type(debug.traceback(nil))) ]] },
  { "debug.traceback shows pcall and xpcall frames by name", [[
    local out, cut = ...
    local function trace() return cut(debug.traceback("here")) end
    local function report(ok, text) out(ok, text) end
    report(pcall(trace))
    report(pcall(pcall, pcall, trace) )
    report(xpcall(trace, print))
    report(select(2, pcall(pcall, trace))) ]] },
  { "debug.traceback as xpcall's handler", [[
    local out, cut = ...
    local function boom() error("boom") end
    local function middle() boom() end
    local ok, text = xpcall(middle, debug.traceback)
    out(ok, cut(text))
    ok, text = xpcall(function() local x; return x.field end, debug.traceback)
    out(ok, cut(text))
    ok, text = xpcall(function() return ("x"):rep(-1, {}) end, debug.traceback)
    out(ok, cut(text))
    local e = {}
    ok, text = xpcall(error, debug.traceback, e)
    out(ok, rawequal(text, e)) ]] },
  { "a handler that calls debug.traceback", [[
    local out, cut = ...
    local function handler(e) return cut(debug.traceback("handled " .. tostring(e), 2)) end
    local function boom(level) error("boom", level) end
    out(xpcall(boom, handler, 1))
    out(xpcall(boom, handler, 2))
    out(xpcall(function() boom(2) end, handler))
    out(xpcall(function() string.rep() end, handler))
    out(xpcall(function() assert(false, "asserted") end, handler)) ]] },
  { "a handler inside nested protected calls", [[
    local out, cut = ...
    local function inner() error("inner", 0) end
    out(xpcall(function()
      local ok, e = pcall(inner)
      out(ok, e)
      error("outer", 0)
    end, function(e) return cut(debug.traceback(e)) end))
    out(pcall(xpcall, inner, function(e) return cut(debug.traceback(e)) end)) ]] },
  { "tail calls, methods, upvalues and fields by name", [[
    local out, cut = ...
    local object = {}
    function object.field() return (debug.traceback("field")) end
    function object:method() return (self.field()) end
    local function tail() return object:method() end
    local function through()
      local text = tail()
      return text
    end
    out(cut(through()))
    out(cut((setmetatable({}, { __index = function() return debug.traceback("index") end }).x))) ]] },
  { "tracebacks in library callbacks", [[
    local out, cut = ...
    local text
    ;("x"):gsub("x", function() text = debug.traceback("gsub") end)
    out(text:match("^[^\n]*\n[^\n]*\n[^\n]*"))
    for _ in (function() text = debug.traceback("iterator") end) do break end
    out(cut(text)) ]] },
  { "a traceback in a coroutine ends with the coroutine", [[
    local out = ...
    local function trace() return (debug.traceback("in coroutine")) end
    out(coroutine.wrap(function()
      local text = trace()
      return text
    end)())
    local co = coroutine.create(function()
      local function deep(n) if n > 0 then deep(n - 1) else coroutine.yield() end; return n end
      deep(30)
    end)
    coroutine.resume(co)
    out(debug.traceback(co))
    local failed = coroutine.create(function() error("e") end)
    coroutine.resume(failed)
    out(debug.traceback(failed)) ]] },
  { "error positions by level", [[
    local out = ...
    local function level(n) error("e", n) end
    local function one(n)
      level(n)
      return n
    end
    local function two(n)
      one(n)
      return n
    end
    for n = 0, 4 do out(n, (select(2, pcall(two, n)))) end
    out(pcall(level, 1))
    out(pcall(level, 2))
    out(pcall(level, 50))
    out(pcall(level, -1)) ]] },
  { "error positions across coroutines", [[
    local out = ...
    local function level(n) error("e", n) end
    for n = 0, 3 do
      out(n, coroutine.resume(coroutine.create(function() level(n) end)))
      out(n, pcall(coroutine.wrap(function() level(n) end)))
      out(n, pcall(function() coroutine.wrap(function() level(n) end)() end))
    end ]] },
  { "positions in chunks of other names", [[
    local out = ...
    local names = { "=name", "@file.lua", "return 1 -- text", "line one\nline two", ("x"):rep(200) }
    for _, name in ipairs(names) do
      local chunk = load("error('e')", name)
      out(pcall(chunk))
    end
    out(pcall(load("\n\n\nerror('line four')", "=lines"))) ]] },
  { "debug.getinfo by level", [[
    local out = ...
    local function here()
      local info = debug.getinfo(1, "nSlut")
      out(info.name, info.namewhat, info.what, info.short_src, info.currentline, info.linedefined,
        info.nparams, info.isvararg, info.istailcall)
      info = debug.getinfo(2, "Sl")
      out(info.what, info.currentline)
    end
    here()
    local function protected()
      local info = debug.getinfo(2, "nS")
      out(info.what, info.name, info.namewhat)
    end
    pcall(protected)
    out(debug.getinfo(1000))
    out(pcall(debug.getinfo, "x"))
    out(debug.getinfo(pcall, "S").short_src, debug.getinfo(pcall, "S").what) ]] },
  { "error values pass through unchanged", [[
    local out = ...
    local t = setmetatable({ 1 }, { __tostring = function(self) return "object " .. self[1] end })
    local function relay(e)
      local ok, got = pcall(function() pcall(error, "other"); error(e, 0) end)
      out(ok, type(got), rawequal(got, e))
      ok, got = xpcall(error, function(x) return x end, e)
      out(ok, type(got), rawequal(got, e))
    end
    for _, e in ipairs { t, 0, -1.5, "", false, out, io.stdout, coroutine.create(out) } do relay(e) end
    relay(nil)
    out(pcall(error, t)) ]] },
  { "error in __close replaces the error and keeps positions", [[
    local out = ...
    local function closing(message)
      return setmetatable({}, { __close = function(_, e)
        out("closing with", e)
        if message then error(message) end
      end })
    end
    out(pcall(function()
      local _ <close> = closing("second")
      local _ <close> = closing()
      error("first")
    end))
    out(pcall(function()
      local _ <close> = closing("alone")
      return "result"
    end)) ]] },
  { "errors in metamethods name their operation", [[
    local out = ...
    local t = setmetatable({}, {
      __add = function() error("in add") end,
      __index = function(_, k) error("no " .. k, 2) end,
    })
    out(pcall(function() return t + 1 end))
    out(pcall(function() return t.field end))
    out(pcall(function() return t() end))
    out(pcall(function() return t < 1 end))
    out(pcall(function() local upvalue = t; return function() return upvalue .. "x" end end)) ]] },
  { "hooks see lines and calls", [[
    local out = ...
    local lines = {}
    debug.sethook(function(event, line)
      local info = debug.getinfo(2, "S")
      if info.short_src == "snippet" then lines[#lines + 1] = event .. line end
    end, "l")
    local x = 1
    x = x + 1
    debug.sethook()
    out(table.concat(lines, " "))
    out(debug.gethook()) ]] },
}

describe("stock behaviour of", function()
  for i, snippet in ipairs(stock.snippets) do
    it(snippet.name, function() stock.check(i) end)
  end
end)

describe("an error that crosses a wait", function()
  it("keeps the position where it was raised", function()
    local function fails()
      lull.yield()
      error("late")
    end
    local line = debug.getinfo(fails, "S").linedefined + 2
    local ok, e = pcall(fails)
    assert.is_false(ok)
    assert.is_truthy(e:find(":" .. line .. ": late", 1, true))
  end)

  it("keeps its level", function()
    local function blame()
      lull.yield()
      error("late", 2)
    end
    local function blamed()
      blame()
      return "unreached"
    end
    local line = debug.getinfo(blamed, "S").linedefined + 1
    local ok, e = pcall(blamed)
    assert.is_false(ok)
    assert.is_truthy(e:find(":" .. line .. ": late", 1, true))
  end)

  it("shows the frames of the task to xpcall's handler", function()
    local function waits_then_fails()
      lull.yield()
      error("late")
    end
    local ok, text = xpcall(function()
      waits_then_fails()
      return "unreached"
    end, debug.traceback)
    assert.is_false(ok)
    assert.is_truthy(text:find("waits_then_fails", 1, true))
    assert.is_truthy(text:find("late", 1, true))
  end)

  it("reaches the awaiter raw-equal, whatever its type", function()
    for _, e in ipairs { "text", 42, 1.5, true, false, {}, print, coroutine.create(print) } do
      local task = go(function()
        lull.yield()
        error(e, 0)
      end)
      local ok, got = pcall(task.await, task)
      assert.is_false(ok)
      assert.is_true(rawequal(e, got))
      assert.is_true(rawequal(e, task:error()))
    end
  end)

  it("reaches the awaiter as nil when it is nil", function()
    local task = go(function() error() end)
    local got = table.pack(pcall(task.await, task))
    assert.is_false(got[1])
    assert.is_nil(got[2])
    ends("failed", task)
  end)
end)

describe("debug.traceback of a task that waits", function()
  it("shows where it waits", function()
    local function here_it_waits() lull.sleep_forever() end
    local thread
    local task = go(function()
      thread = coroutine.running()
      here_it_waits()
      return "unreached"
    end)
    testing.settle()
    assert.is_truthy(debug.traceback(thread):find("here_it_waits", 1, true))
    assert.is_truthy(task:traceback():find("here_it_waits", 1, true))
    task:cancel()
    ends("cancelled", task)
  end)
end)
