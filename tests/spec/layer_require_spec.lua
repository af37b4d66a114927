--- layer_require_spec.lua: require, dofile and load inside a task.
---
--- Where nothing waits they behave as in stock Lua: each snippet prints the same there and here.
--- A module may wait while it loads; a second task that requires it waits for the first.

local lull = require "lull"
local sync = require "lull.sync"
local testing = require "lull.testing"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_layer.lua")
local go, ends = support.go, support.ends

local stock = support.batch {
  { "a preloaded module is loaded once, with name and :preload:", [[
    local out = ...
    local calls = 0
    package.preload.spec_once = function(...)
      calls = calls + 1
      out("loader", ...)
      return { name = ... }
    end
    local a, extra = require("spec_once")
    out(a.name, extra, calls)
    out(require("spec_once") == a, select("#", require("spec_once")), calls)
    package.loaded.spec_once, package.preload.spec_once = nil, nil ]] },
  { "what a loader returns or stores is the module", [[
    local out = ...
    local function try(name, loader)
      package.preload[name] = loader
      out(name, pcall(require, name))
      out(name, type(package.loaded[name]), package.loaded[name] == true)
      out(name, pcall(require, name))
      package.loaded[name], package.preload[name] = nil, nil
    end
    try("spec_nothing", function() end)
    try("spec_false", function() return false end)
    try("spec_number", function() return 42 end)
    try("spec_stored", function(name) package.loaded[name] = "stored" end)
    try("spec_both", function(name) package.loaded[name] = "stored"; return "returned" end)
    try("spec_stored_false", function(name) package.loaded[name] = false end) ]] },
  { "a value in package.loaded is the module", [[
    local out = ...
    package.loaded.spec_loaded = "there"
    out(require "spec_loaded")
    out(select("#", require "spec_loaded"))
    package.loaded.spec_loaded = nil
    for name in ("string table coroutine _G math io os utf8 debug package"):gmatch("%S+") do
      out(name, require(name) == _G[name])
    end ]] },
  { "a loader that fails is tried again", [[
    local out = ...
    local calls = 0
    package.preload.spec_fails = function()
      calls = calls + 1
      if calls < 3 then error("failed " .. calls, calls - 1) end
      return "at last"
    end
    out(pcall(require, "spec_fails"))
    out(package.loaded.spec_fails)
    out(pcall(require, "spec_fails"))
    out(pcall(require, "spec_fails"))
    package.loaded.spec_fails, package.preload.spec_fails = nil, nil
    local e = {}
    package.preload.spec_object = function() error(e) end
    local ok, got = pcall(require, "spec_object")
    out(ok, rawequal(e, got))
    package.preload.spec_object = nil ]] },
  { "a module that is found nowhere", [[
    local out = ...
    local path, cpath = package.path, package.cpath
    package.path, package.cpath = "./none/?.lua;/none/?/init.lua", "/none/?.so"
    local ok, e = pcall(require, "spec_absent.sub")
    out(ok, type(e))
    for line in e:gmatch("[^\n]+") do
      if line:find("spec_absent.sub' not found", 1, true) or line:find("none", 1, true)
        or line:find("preload", 1, true) then out(line) end
    end
    out(package.loaded["spec_absent.sub"])
    package.path, package.cpath = path, cpath ]] },
  { "files by package.path, with their path as second result", [[
    local out = ...
    local file = os.tmpname()
    local f = io.open(file, "w")
    f:write("local name, path = ...; return { name = name, same = path == '" .. file .. "' }")
    f:close()
    local path = package.path
    package.path = file
    local m, extra = require "spec_file"
    out(m.name, m.same, extra == file)
    out(select("#", require "spec_file"))
    out(package.searchpath("spec_file", package.path) == file)
    package.path = path
    package.loaded.spec_file = nil
    os.remove(file) ]] },
  { "files with errors", [[
    local out = ...
    local path = package.path
    local function try(text)
      local file = os.tmpname()
      local f = io.open(file, "w")
      f:write(text)
      f:close()
      package.path = file
      local ok, e = pcall(require, "spec_bad_file")
      out(ok, type(e), type(e) == "string" and e:gsub(file:gsub("%p", "%%%0"), "FILE") or e)
      os.remove(file)
      out(package.loaded.spec_bad_file)
    end
    try("local = 1")
    try("error('raised in a file')")
    try("error(42)")
    try("error()")
    try("local x; x.y = 1")
    package.path = path ]] },
  { "searchers of one's own", [[
    local out = ...
    local count = #package.searchers
    table.insert(package.searchers, 2, function(name)
      if name == "spec_searched" then
        return function(...) out("loader", ...); return "found" end, "extra"
      end
      if name == "spec_no_extra" then return function(...) out(select("#", ...), ...) end end
      if name == "spec_searcher_fails" then error("searcher failed", 0) end
      return "\n\tno luck with " .. name
    end)
    out(require "spec_searched")
    out(require "spec_no_extra")
    out(pcall(require, "spec_searcher_fails"))
    local ok, e = pcall(require, "spec_not_there")
    out(ok, e:find("no luck with spec_not_there", 1, true) ~= nil)
    table.remove(package.searchers, 2)
    out(#package.searchers == count)
    package.loaded.spec_searched, package.loaded.spec_no_extra = nil, nil ]] },
  { "package.searchers that is no table", [[
    local out = ...
    local searchers = package.searchers
    package.searchers = 42
    out(pcall(require, "spec_no_searchers"))
    package.searchers = {}
    out(pcall(require, "spec_no_searchers"))
    package.searchers = searchers ]] },
  { "modules that require each other", [[
    local out = ...
    package.preload.spec_a = function(name)
      local a = { name = "a" }
      package.loaded[name] = a
      a.b = require "spec_b"
      return a
    end
    package.preload.spec_b = function() return { name = "b", a = require "spec_a" } end
    local a = require "spec_a"
    out(a.b.name, a.b.a == a)
    for _, name in ipairs { "spec_a", "spec_b" } do
      package.loaded[name], package.preload[name] = nil, nil
    end ]] },
  { "the type of the name", [[
    local out = ...
    package.preload["7"] = function(name) return math.type(name) or type(name) end
    out(require(7))
    out(pcall(require))
    out(pcall(require, {}))
    package.loaded["7"], package.preload["7"] = nil, nil ]] },
  { "load with its arguments", [[
    local out = ...
    out(load("return 1, 2")())
    out(load("syntax error here", "=chunk"))
    out(load("x = ", "=chunk"))
    out(load("return ...", "=chunk")(1, nil, 3))
    local env = {}
    out(load("x = 42", "=chunk", "t", env) ~= nil, env.x)
    load("x = 42", "=chunk", "t", env)()
    out(env.x)
    out(load("\27Lua", "=chunk", "t"))
    out(load("return 1", "=chunk", "b"))
    out(load(string.dump(function() return "dumped" end), "=chunk", "b")())
    out(load(string.dump(function() return 1 end), "=chunk", "t"))
    out(pcall(load))
    out(pcall(load, {})) ]] },
  { "load with a reader function", [[
    local out = ...
    local function reader(...)
      local parts, i = { ... }, 0
      return function() i = i + 1; return parts[i] end
    end
    out(load(reader("return ", "1", " + 2"))())
    out(load(reader("return 1", "", "syntax"))())
    out(load(reader("return 1", 42)))
    out(load(reader()) ~= nil)
    out(load(function() error("reader failed", 0) end))
    out(pcall(load, function() error({}) end) )
    out(load(reader("return ", {}), "=chunk"))
    out(load(reader("x ="), "=chunk")) ]] },
  { "dofile and loadfile", [[
    local out = ...
    local file = os.tmpname()
    local function write(text)
      local f = io.open(file, "w")
      f:write(text)
      f:close()
    end
    write("#!shebang\nreturn 1, nil, ...")
    out(dofile(file))
    out(loadfile(file)(7))
    write("error('in file', 0)")
    out(pcall(dofile, file))
    write("error()")
    out(pcall(dofile, file))
    write("syntax error")
    local ok, e = pcall(dofile, file)
    out(ok, (e:gsub("^.-:", "", 1)))
    os.remove(file)
    out((pcall(dofile, file)))
    out((select(2, loadfile(file)):gsub("^.*:", ""))) ]] },
}

describe("stock behaviour of", function()
  for i, snippet in ipairs(stock.snippets) do
    it(snippet.name, function() stock.check(i) end)
  end
end)

describe("a wait while a module loads", function()
  --- Run fn with these loaders preloaded; forget the modules afterwards.
  local function with_modules(loaders, fn)
    local _ <close> = lull.finally(function()
      for name in pairs(loaders) do
        package.preload[name], package.loaded[name] = nil, nil
      end
    end)
    for name, loader in pairs(loaders) do package.preload[name] = loader end
    return fn()
  end

  it("works, and lets other tasks run", function()
    local ran = false
    with_modules({
      spec_waits = function()
        local other = go(function() ran = true end)
        lull.yield()
        other:join()
        return "module"
      end,
    }, function() assert.are.equal("module", (require "spec_waits")) end)
    assert.is_true(ran)
  end)

  it("works in a module in a file", function()
    local file <close> = support.temp_file("require('lull').yield(); return { path = select(2, ...) }")
    local path = package.path
    local _ <close> = lull.finally(function()
      package.path, package.loaded.spec_waiting_file = path, nil
    end)
    package.path = file.path
    local module, extra = require "spec_waiting_file"
    assert.are.equal(file.path, module.path)
    assert.are.equal(file.path, extra)
  end)

  it("works in a searcher", function()
    local function searcher(name)
      if name ~= "spec_waiting_searcher" then return nil end
      lull.yield()
      return function(_, extra)
        lull.yield()
        return extra
      end, "extra"
    end
    local _ <close> = lull.finally(function()
      table.remove(package.searchers, 1)
      package.loaded.spec_waiting_searcher = nil
    end)
    table.insert(package.searchers, 1, searcher)
    assert.are.equal("extra", (require "spec_waiting_searcher"))
  end)

  it("works in modules that require modules", function()
    with_modules({
      spec_outer = function()
        lull.yield()
        return require("spec_middle") .. " outer"
      end,
      spec_middle = function() return require("spec_inner") .. " middle" end,
      spec_inner = function()
        lull.yield()
        return "inner"
      end,
    }, function() assert.are.equal("inner middle outer", (require "spec_outer")) end)
  end)

  it("works inside a coroutine", function()
    with_modules({
      spec_in_coroutine = function()
        lull.yield()
        return "module"
      end,
    }, function()
      assert.are.equal("module", (coroutine.wrap(require)("spec_in_coroutine")))
    end)
  end)

  it("makes a second task wait for the first and get the same module", function()
    local calls, open = 0, sync.event()
    with_modules({
      spec_shared = function()
        calls = calls + 1
        open:wait()
        return { calls }
      end,
    }, function()
      local tasks = { go(require, "spec_shared"), go(require, "spec_shared"), go(require, "spec_shared") }
      testing.settle()
      for _, task in ipairs(tasks) do assert.are.equal("pending", task:status()) end
      open:set()
      local modules = lull.gather(tasks)
      assert.are.equal(1, calls)
      assert.is_true(rawequal(modules[1], modules[2]))
      assert.is_true(rawequal(modules[1], modules[3]))
    end)
  end)

  it("lets a waiting task load the module when the first one was cancelled", function()
    local calls = 0
    with_modules({
      spec_cancelled = function()
        calls = calls + 1
        if calls == 1 then lull.sleep_forever() end
        return "module"
      end,
    }, function()
      local first, second = go(require, "spec_cancelled"), go(require, "spec_cancelled")
      testing.settle()
      first:cancel()
      ends("cancelled", first)
      assert.are.equal("module", (second:await()))
    end)
  end)

  it("can be cancelled in the task that waits for the other's require", function()
    local open = sync.event()
    with_modules({
      spec_slow = function()
        open:wait()
        return "module"
      end,
    }, function()
      local first, second = go(require, "spec_slow"), go(require, "spec_slow")
      testing.settle()
      second:cancel()
      ends("cancelled", second)
      assert.are.equal("pending", first:status())
      open:set()
      assert.are.equal("module", (first:await()))
    end)
  end)

  it("raises where tasks wait for each other's modules in a circle", function()
    local both = sync.barrier(2)
    with_modules({
      spec_left = function()
        both:wait()
        return { require "spec_right" }
      end,
      spec_right = function()
        both:wait()
        return { require "spec_left" }
      end,
    }, function()
      local tasks = { go(require, "spec_left"), go(require, "spec_right") }
      lull.wait(tasks)
      local failed = 0
      for _, task in ipairs(tasks) do
        if task:status() == "failed" then failed = failed + 1 end
      end
      assert.is_true(failed >= 1)
    end)
  end)

  it("works in dofile, which keeps all results", function()
    local file <close> = support.temp_file("require('lull').yield(); return 1, nil, 3")
    assert.are.same({ 1, nil, 3, n = 3 }, table.pack(dofile(file.path)))
  end)
end)
