--- layer_modules_spec.lua: the Lua modules people use load and work inside a task.

local lull = require "lull"
local testing = require "lull.testing"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_layer.lua")
local go, ends = support.go, support.ends

describe("lua-cjson", function()
  it("decodes what it encoded", function()
    local cjson = require "cjson"
    local text = cjson.encode { name = "x", list = { 1, 2.5, "three", true } }
    assert.are.same({ name = "x", list = { 1, 2.5, "three", true } }, cjson.decode(text))
    assert.are.equal(cjson.null, cjson.decode("[null]")[1])
  end)

  it("raises its errors to pcall", function()
    local cjson = require "cjson"
    local ok, e = pcall(cjson.decode, "{")
    assert.is_false(ok)
    assert.are.equal("string", type(e))
    assert.is_nil((require("cjson.safe").decode("{")))
  end)
end)

describe("lpeg", function()
  it("matches and captures", function()
    local lpeg = require "lpeg"
    local digit = lpeg.R("09") ^ 1 / tonumber
    local sum = lpeg.Cf(digit * ("+" * digit) ^ 0, function(a, b) return a + b end)
    assert.are.equal(42, sum:match("30+2+10"))
  end)

  it("compiles grammars with re", function()
    local re = require "re"
    assert.are.same({ "a", "b", "c" }, { re.match("a,b,c", "{[a-z]} (',' {[a-z]})*") })
  end)
end)

describe("penlight", function()
  it("has its strings, tables and lists", function()
    local List = require "pl.List"
    local stringx = require "pl.stringx"
    local tablex = require "pl.tablex"
    assert.are.same({ "a", "b" }, tablex.map(stringx.strip, { " a ", "b " }))
    assert.are.equal("1,2,3", List { 3, 1, 2 }:sort():join(","))
    assert.is_true(tablex.deepcompare({ 1, { 2 } }, { 1, { 2 } }))
  end)

  it("has its pretty printer, template and classes", function()
    local class = require "pl.class"
    local Animal = class()
    function Animal:_init(name) self.name = name end
    local Cat = class(Animal)
    assert.are.equal("Tom", Cat("Tom").name)
    assert.are.same({ 1, x = 2 }, (require("pl.pretty").read("{ 1, x = 2 }")))
    assert.are.equal("hi you", (require("pl.template").substitute("hi $(name)", { name = "you" })))
  end)

  it("maps with a function that waits", function()
    local tablex = require "pl.tablex"
    local ran = false
    local other = go(function() ran = true end)
    assert.are.same({ 2, 4 }, tablex.map(function(x)
      lull.yield()
      return x * 2
    end, { 1, 2 }))
    assert.is_true(ran)
    ends("done", other)
  end)

  it("iterates over sequences whose source waits", function()
    local seq = require "pl.seq"
    local function source()
      return coroutine.wrap(function()
        for i = 1, 4 do
          lull.yield()
          coroutine.yield(i)
        end
      end)
    end
    local even = seq.filter(source(), function(x) return x % 2 == 0 end)
    assert.are.same({ 2, 4 }, seq.copy(even))
  end)
end)

describe("luasocket", function()
  it("tells the time and parses addresses", function()
    local socket = require "socket"
    local url = require "socket.url"
    assert.are.equal("number", type(socket.gettime()))
    local parsed = url.parse("http://host:8080/path?q=1")
    assert.are.equal("host", parsed.host)
    assert.are.equal("8080", parsed.port)
    assert.are.equal("/path", parsed.path)
  end)

  it("connects to itself", function()
    local socket = require "socket"
    local server = assert(socket.bind("127.0.0.1", 0))
    local _, port = server:getsockname()
    local client = assert(socket.connect("127.0.0.1", port))
    local peer = assert(server:accept())
    client:send("hello\n")
    assert.are.equal("hello", peer:receive("*l"))
    client:close()
    peer:close()
    server:close()
  end)

  it("encodes with mime and runs an ltn12 pump", function()
    local mime = require "mime"
    local ltn12 = require "ltn12"
    assert.are.equal("aGVsbG8=", (mime.b64("hello")))
    local parts = {}
    local encode = mime.encode("base64")
    local source = ltn12.source.chain(ltn12.source.string("hello"), encode)
    assert.is_truthy(ltn12.pump.all(source, (ltn12.sink.table(parts))))
    assert.are.equal("aGVsbG8=", table.concat(parts))
  end)

  it("protects and tries with errors of its own", function()
    local socket = require "socket"
    local guarded = socket.protect(function(fail) return socket.try(not fail, "refused") end)
    assert.is_true((guarded(false)))
    local got, e = guarded(true)
    assert.is_nil(got)
    assert.are.equal("refused", e)
  end)
end)

describe("lfs", function()
  it("makes, lists and removes directories", function()
    local lfs = require "lfs"
    local path = os.tmpname()
    os.remove(path)
    assert.is_true(lfs.mkdir(path))
    assert.is_true(lfs.mkdir(path .. "/sub"))
    assert.are.equal("directory", lfs.attributes(path, "mode"))
    local names = {}
    for name in lfs.dir(path) do
      lull.yield()
      names[#names + 1] = name
    end
    table.sort(names)
    assert.are.same({ ".", "..", "sub" }, names)
    assert.is_true(lfs.rmdir(path .. "/sub"))
    assert.is_true(lfs.rmdir(path))
    assert.is_nil(lfs.attributes(path, "mode"))
  end)
end)

describe("modules loaded by several tasks at once", function()
  it("are one table each", function()
    local tasks = {}
    for i = 1, 3 do tasks[i] = go(require, "pl.utils") end
    testing.settle()
    local modules = lull.gather(tasks)
    assert.is_true(rawequal(modules[1], modules[2]))
    assert.is_true(rawequal(modules[1], modules[3]))
    assert.is_true(rawequal(modules[1], (require "pl.utils")))
  end)
end)
