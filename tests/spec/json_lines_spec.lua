--- json_lines_spec.lua: lull.json.lines over texts, iterators and streams.

local json = require "lull.json"
local lull = require "lull"
local net = require "lull.net"
local testing = require "lull.testing"

local here <const> = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local support <const> = dofile(here .. "support.lua")

local function collected(source, opts)
  local values <const> = {}
  for value in json.lines(source, opts) do values[#values + 1] = value end
  return values
end

describe("json.lines", function()
  it("reads a value per line of a text", function()
    assert.are.same({ { a = 1 }, { 2 }, "x" }, collected '{"a":1}\n[2]\r\n"x"')
    assert.are.same({ 1 }, collected "1\n")
    assert.are.same({}, collected "")
  end)

  it("skips empty lines", function()
    assert.are.same({ 1, 2 }, collected "\n\n1\n \t\r\n2\n\n")
  end)

  it("gives null and false as values", function()
    assert.are.same({ json.null, false, 0 }, collected "null\nfalse\n0")
  end)

  it("reads the lines of an iterator", function()
    local list <const> = { "1", "", "[2]" }
    local i = 0
    assert.are.same({ 1, { 2 } }, collected(function()
      i = i + 1
      return list[i]
    end))
  end)

  it("reads the lines of a file", function()
    local file <close> = io.tmpfile()
    file:write '1\n{"a":[]}\n'
    file:seek "set"
    assert.are.same({ 1, { a = {} } }, collected(file))
  end)

  it("waits for the lines of a stream", function()
    local one <const>, other <close> = net.pair()
    local _ <close> = one
    local seen <const> = {}
    local reader <const> = support.started(function()
      for value in json.lines(one) do seen[#seen + 1] = value end
    end)
    assert.are.equal("pending", reader:status())
    other:write '{"n":1}\n{"n":'
    testing.settle()
    assert.are.same({ { n = 1 } }, seen)
    other:write "2}\n3"
    other:shutdown()
    reader:await()
    assert.are.same({ { n = 1 }, { n = 2 }, 3 }, seen)
  end)

  it("is cancelled where it waits", function()
    local one <const>, other <close> = net.pair()
    local _ <close> = one
    local reader <const> = support.started(collected, one)
    assert.is_true(reader:cancel())
    assert.are.equal("cancelled", reader:join())
    other:write "1\n"
    assert.are.equal(1, json.lines(one)())
  end)

  it("counts the lines up to an error, and goes on behind it", function()
    local next_value <const> = json.lines "1\n\n[2,}\n4"
    assert.are.equal(1, next_value())
    local e <const> = support.failure(next_value)
    assert.is_true(lull.is_error(e, "json"))
    assert.are.same({ 3, 4, 4 }, { e.line, e.column, e.position })
    assert.truthy(tostring(e):find("json.lines: line 3, column 4", 1, true))
    assert.are.equal(4, next_value())
    assert.is_nil(next_value())
  end)

  it("limits every line", function()
    local next_value <const> = json.lines("1\n[[1]]\n12345", { depth = 1, size = 5 })
    assert.are.equal(1, next_value())
    assert.is_true(lull.is_error(support.failure(next_value), "json"))
    assert.are.equal(12345, next_value())
    assert.is_true(lull.is_error(support.failure(json.lines("123456", { size = 5 })), "limit"))
  end)

  it("refuses wrong arguments at the call", function()
    for _, arguments in ipairs { {}, { 1 }, { {} }, { true } } do
      local e <const> = support.failure(json.lines, table.unpack(arguments))
      assert.truthy(e:find "bad argument #1 to 'lines'")
    end
    for _, opts in ipairs { 1, { sort = true }, { depth = 0 } } do
      local e <const> = support.failure(function() return (json.lines("1", opts)) end)
      assert.truthy(e:find "json_lines_spec.lua:%d+: bad argument #2 to 'lines'", e)
    end
  end)
end)
