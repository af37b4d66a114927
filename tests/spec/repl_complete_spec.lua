--- What the prompt offers for what stands before the cursor.
local chunk = require "lull.repl.chunk"
local complete = require "lull.repl.complete"

local function fails() error "this must not run" end

--- The candidates, and the text that they are for.
local function offers(text, globals, more)
  local opts <const> = { globals = globals or {} }
  for name, value in pairs(more or {}) do opts[name] = value end
  local first <const>, found <const> = complete.new(opts)(text, #text)
  local texts <const> = {}
  for i, each in ipairs(found or {}) do texts[i] = each.text end
  return texts, first and text:sub(first)
end

describe("completion", function()
  it("offers globals, words of the language and locals", function()
    local locals <const> = chunk.new {}
    locals:compile "local prince = 1" ()
    local globals <const> = { print = print, primes = {} }
    assert.same({ "primes", "prince", "print" }, (offers("x = pri", globals, { locals = locals })))
    assert.same({ "repeat", "return" }, (offers "re"))
  end)

  it("offers fields behind a dot and only what can be called behind a colon", function()
    local globals <const> = { o = { run = print, rate = 1, other = 2 } }
    assert.same({ "rate", "run" }, (offers("o.r", globals)))
    assert.same({ "run" }, (offers("return o:r", globals)))
    assert.same({ "rate", "run" }, (offers("o . r", globals)))
  end)

  it("knows results, and calls nothing of a script's to find modules", function()
    local globals <const> = {}
    local locals <const>, lull <const>, real <const> = chunk.new(globals), require "lull", require
    locals:set_own("_", { field = 1 })
    assert.same({ "field" }, (offers("_.f", globals, { locals = locals })))
    require "lull.signal"
    _G.require = fails
    local texts <const> = offers("lull.signal.wai", { lull = lull })
    _G.require = real
    assert.same({ "wait" }, texts)
  end)

  it("offers fields of names that end in digits", function()
    local globals <const> = { ab1 = { c2 = { deep = 1 } }, _1 = { e = 1 } }
    assert.same({ "c2" }, (offers("ab1.", globals)))
    assert.same({ "deep" }, (offers("x = ab1.c2.", globals)))
    assert.same({ "e" }, (offers("_1.", globals)))
    assert.same({ "e" }, (offers("_1 .", globals)))
  end)

  it("follows keys that are constants", function()
    local globals <const> = { a = { ["x y"] = { [2] = { deep = 1 } } } }
    assert.same({ "deep" }, (offers([[a["x y"][2].d]], globals)))
  end)

  it("offers keys in quotes", function()
    local globals <const> = { a = { ["x y"] = 1, xz = 2 } }
    local texts <const>, start <const> = offers([[print(a["x]], globals)
    assert.same({ 'x y"]', 'xz"]' }, texts)
    assert.equal("x", start)
  end)

  it("offers words of the language as keys in quotes only", function()
    local globals <const> = { e = { ["end"] = print, extra = print } }
    assert.same({ "extra" }, (offers("e.e", globals)))
    assert.same({ "extra" }, (offers("e:e", globals)))
    assert.same({ 'end"]', 'extra"]' }, (offers('e["e', globals)))
  end)

  it("runs no code of the value's", function()
    local trap <const> = setmetatable({ own = 1 }, { __index = fails, __pairs = fails, __len = fails,
      __tostring = fails, __name = fails, __call = fails, __eq = fails })
    assert.same({ "own" }, (offers("trap.", { trap = trap })))
    assert.same({}, (offers("trap.missing.", { trap = trap })))
    assert.same({}, (offers("trap().", { trap = trap })))
    assert.same({ "trap" }, (offers("tra", setmetatable({ trap = trap }, { __index = fails }))))
  end)

  it("follows __index through tables, and not for ever", function()
    local loop <const> = { a = 1 }
    setmetatable(loop, { __index = loop })
    assert.same({ "a" }, (offers("loop.", { loop = loop })))
    local class <const> = { method = print }
    local object <const> = setmetatable({}, { __index = class })
    assert.same({ "method" }, (offers("o:", { o = object })))
  end)

  it("knows the methods of strings, files and tasks", function()
    assert.same({ "upper" }, (offers "('x'):up"))
    assert.same({ "upper" }, (offers('s:up', { s = "x" })))
    assert.same({ "setvbuf" }, (offers("f:setv", { f = io.stdout })))
    assert.same({ "status" }, (offers("t:stat", { t = require("lull").current() })))
  end)

  it("offers lull's modules as fields and to require", function()
    local lull <const> = require "lull"
    assert.same({ "fs" }, (offers("lull.fs", { lull = lull })))
    assert.same({ "read_file" }, (offers("lull.fs.read_f", { lull = lull })))
    assert.same({ "lull.fs" }, (offers 'require "lull.fs'))
    assert.same({ "lull.compat.socket" }, (offers "require('lull.compat.s"))
    assert.same({}, (offers 'require "lull.repl.'))
  end)

  it("offers modules in files", function()
    local fs <const> = require "lull.fs"
    local folder <close> = fs.temp_dir()
    fs.write_file(folder.path .. "/alpha.lua", "")
    fs.mkdir(folder.path .. "/alps")
    fs.write_file(folder.path .. "/alps/blanc.lua", "")
    local more <const> = { files = complete.files,
      path = function() return folder.path .. "/?.lua;/nowhere/?.lua" end }
    assert.same({ "alpha", "alps." }, (offers('require "al', {}, more)))
    assert.same({ "alps.blanc" }, (offers('require "alps.b', {}, more)))
  end)

  it("offers commands and their files", function()
    local more <const> = { commands = { ".load", ".help" }, files = function(start) return { start .. "x/" } end }
    assert.same({ ".load" }, (offers(".l", {}, more)))
    assert.same({ "a/bx/" }, (offers(".load a/b", {}, more)))
    assert.same({ "print" }, (offers(".type pri", { print = print }, more)))
  end)

  it("offers nothing in strings, comments and numbers", function()
    for _, text in ipairs { "'pri", "-- pri", "--[[ a\npri", "[[ pri", "1.", "x = 10.", "0x1", "0xa1.", "1.5." } do
      assert.same({}, (offers(text, { print = print, ["1"] = {} })))
    end
    assert.same({ "print" }, (offers("'a' .. pri", { print = print })))
    assert.same({ "print" }, (offers("x = 1 -- c\npri", { print = print })))
  end)

  it("tells what all begin with, where not all are offered", function()
    local function common(text, globals, more)
      local opts <const> = { globals = globals }
      for name, value in pairs(more or {}) do opts[name] = value end
      return select(3, complete.new(opts)(text, #text))
    end
    local big <const> = {}
    for i = 1, 100000 do big["key" .. i] = i end
    assert.equal("key", common("t.", { t = big }))
    assert.equal("key", common("t.k", { t = big }))
    assert.equal("key2", common("t.key2", { t = big }))
    assert.equal("key", common('t["', { t = big }))
    assert.is_nil(common("t.key222", { t = big }))
    for i = 100001, 400000 do big["key" .. i] = i end
    assert.equal("", common("t.key4", { t = big }))
    local function files() return { "key1", "key12" }, true end
    assert.equal("", common(".load ke", {}, { commands = {}, files = files }))
    assert.equal("", common("require 'ke", {}, { files = files, path = function() return "?.lua" end }))
  end)

  it("tells when there are more files than it lists", function()
    local fs <const> = require "lull.fs"
    local folder <close> = fs.temp_dir()
    for i = 1, 1001 do fs.write_file(("%s/a%d"):format(folder.path, i), "") end
    --- So many are found, unless that takes too long; are there more?
    local function finds(count, start)
      for _ = 1, 20 do
        local paths <const>, is_cut <const> = complete.files(folder.path .. start)
        if #paths == count then return is_cut end
        assert.is_true(is_cut)
      end
      error("never " .. count)
    end
    assert.is_true(finds(1000, "/a"))
    assert.is_false(finds(13, "/a10"))
  end)

  it("puts names that begin with _ last, and is bounded", function()
    local many <const> = { _a = 1 }
    for i = 1, 3000 do many["k" .. i] = i end
    local texts <const> = offers("t.", { t = many })
    assert.equal(1000, #texts)
    assert.same({ "a", "_a" }, (offers("t.", { t = { _a = 1, a = 2 } })))
  end)
end)
