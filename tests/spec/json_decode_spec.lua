--- json_decode_spec.lua: lull.json.decode, what it reads and what it refuses.

local json = require "lull.json"
local lull = require "lull"

local here <const> = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local support <const> = dofile(here .. "support.lua")

local function refused(text, opts)
  local e <const> = support.failure(json.decode, text, opts)
  assert.is_true(lull.is_error(e, "json"), tostring(e))
  return e
end

describe("json.decode", function()
  it("reads any value at the top", function()
    assert.are.equal(1, json.decode "1")
    assert.are.equal("x", json.decode '"x"')
    assert.are.equal(true, json.decode " true ")
    assert.are.equal(false, json.decode "\tfalse\r\n")
    assert.are.equal(json.null, json.decode "null")
    assert.are.same({}, json.decode "[]")
    assert.are.same({}, json.decode "{}")
  end)

  it("reads nested arrays and objects", function()
    local value <const> = json.decode '{"users": [{"name": "Ada", "tags": ["x", []]}, 2], "n": {}}'
    assert.are.same({ users = { { name = "Ada", tags = { "x", {} } }, 2 }, n = {} }, value)
  end)

  it("tells integers from floats", function()
    for text, kind in pairs {
      ["0"] = "integer", ["-0"] = "integer", ["12"] = "integer", ["-7"] = "integer",
      ["1.0"] = "float", ["1e0"] = "float", ["-0.0"] = "float", ["1E+2"] = "float",
    } do
      assert.are.equal(kind, math.type(json.decode(text)), text)
    end
  end)

  it("reads every integer of 64 bits", function()
    assert.are.equal(math.maxinteger, json.decode "9223372036854775807")
    assert.are.equal(math.mininteger, json.decode "-9223372036854775808")
  end)

  it("reads an integer beyond 64 bits as a float, and never wraps", function()
    assert.are.equal(2.0 ^ 63, json.decode "9223372036854775808")
    assert.are.equal(-(2.0 ^ 63), json.decode "-9223372036854775809")
    assert.are.equal(1e19, json.decode "10000000000000000000")
    assert.are.equal(1e30, json.decode("1" .. ("0"):rep(30)))
  end)

  it("reads floats as Lua does", function()
    for _, text in ipairs {
      "0.1", "2.5e-3", "1e22", "1e23", "123456789012345678.9", "4.9e-324", "1.7976931348623157e308",
      "0.000000000000000000000000000001", "9007199254740993.0", "3.141592653589793", "1e-400",
      "0." .. ("3"):rep(400), ("9"):rep(200) .. ".5",
    } do
      assert.are.equal(tonumber(text), json.decode(text), text)
    end
  end)

  it("refuses a number beyond every float", function()
    assert.are.equal(2, refused("[1e999]").position)
    refused(("9"):rep(400))
  end)

  it("reads escapes", function()
    assert.are.equal('"\\/\b\f\n\r\t', json.decode [["\"\\\/\b\f\n\r\t"]])
    assert.are.equal("é€😀", json.decode [["\u00e9\u20AC\ud83d\ude00"]])
    assert.are.equal("a\0b", json.decode [["a\u0000b"]])
  end)

  it("keeps a NUL in a key", function()
    assert.are.same({ ["\0x"] = 1 }, json.decode [[{"\u0000x":1}]])
  end)

  it("reads long strings with escapes anywhere", function()
    for _, size in ipairs { 1, 7, 8, 9, 63, 5000, 100000 } do
      local plain <const> = ("x"):rep(size)
      assert.are.equal(plain .. "\n" .. plain, json.decode('"' .. plain .. "\\n" .. plain .. '"'))
    end
  end)

  it("takes the last of equal keys, of long objects too", function()
    assert.are.same({ a = 2 }, json.decode '{"a":1,"a":2}')
    local fields <const> = {}
    for i = 1, 500 do fields[i] = ('"k%d":%d'):format(i % 100, i) end
    local value <const> = json.decode("{" .. table.concat(fields, ",") .. "}")
    for i = 401, 500 do assert.are.equal(i, value["k" .. i % 100]) end
  end)

  it("refuses equal keys if asked to", function()
    assert.are.same({ a = 1, b = 2 }, json.decode('{"a":1,"b":2}', { unique = true }))
    assert.truthy(refused('{"a":1,"b":2,"a":null}', { unique = true }).message:find '"a" twice')
    local fields <const> = {}
    for i = 1, 500 do fields[i] = ('"k%d":1'):format(i % 499) end
    refused("{" .. table.concat(fields, ",") .. "}", { unique = true })
  end)

  it("reads long arrays and objects", function()
    for _, count in ipairs { 63, 64, 65, 127, 128, 129, 1000 } do
      local list <const>, fields <const> = {}, {}
      for i = 1, count do list[i], fields[i] = i, ('"%d":[%d]'):format(i, i) end
      assert.are.same(list, json.decode("[" .. table.concat(list, ",") .. "]"))
      local value <const> = json.decode("{" .. table.concat(fields, ",") .. "}")
      for i = 1, count do assert.are.equal(i, value[tostring(i)][1]) end
    end
  end)

  it("gives the place of an error by line, column and byte", function()
    local e <const> = refused '{\n  "é": [1,\n  "ü" 2]}'
    assert.are.same({ 3, 7 }, { e.line, e.column })
    assert.are.equal(22, e.position)
    assert.are.equal("json.decode", e.op)
    assert.truthy(tostring(e):find("line 3, column 7", 1, true))
  end)

  it("refuses what is not JSON", function()
    for _, text in ipairs {
      "", " ", "nul", "True", "NaN", "[1,]", "[,1]", "[1 2]", "[1", "[", "{", "]", "}", "{]", "[}",
      '{"a"}', '{"a":}', '{"a":1,}', "{a:1}", "{1:2}", "{'a':1}", "01", "-", "+1", ".5", "1.", "1e",
      "1e+", "0x10", "--1", '"a', '"a\\', '"\\x"', '"\\u12"', '"\\u12G4"', '"a\nb"', '"\t"', "1 2",
      "[] []", "// x\n1", "\0", "1\0", "[1\0]", '"\0"', "\u{FEFF}1", '"a" :', '"\\u"',
    } do
      refused(text)
    end
  end)

  it("refuses halves of surrogate pairs", function()
    for _, text in ipairs {
      [["\ud800"]], [["\udc00"]], [["\ud800x"]], [["\ud800\n"]], [["\ud800\u0041"]],
      [["\ud800\ud800"]], [["\udc00\ud800"]],
    } do
      refused(text)
    end
  end)

  it("refuses bytes that are no UTF-8", function()
    for _, bytes in ipairs {
      "\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC3", "\xC3(", "\xE0\x80\x80", "\xE2\x82",
      "\xED\xA0\x80", "\xF0\x80\x80\x80", "\xF0\x9F\x98", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
      "\xFF", "\xFE",
    } do
      for _, before in ipairs { "", "abcdefgh", "é" } do
        local e <const> = refused('["' .. before .. bytes .. '"]')
        assert.are.equal(3 + #before, e.position)
      end
      refused('{"' .. bytes .. '":1}')
    end
  end)

  it("takes the bounds of UTF-8", function()
    for _, code in ipairs { 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF } do
      local text <const> = utf8.char(code):rep(5)
      assert.are.equal(text, json.decode('"' .. text .. '"'))
    end
  end)

  it("reads 128 levels and no more", function()
    local function nested(levels) return ("["):rep(levels) .. ("]"):rep(levels) end
    assert.is_table(json.decode(nested(128)))
    local e <const> = refused(nested(129))
    assert.are.equal(129, e.column)
    assert.truthy(e.message:find "too deep")
    refused(("["):rep(1000000))
    refused(('{"a":'):rep(1000000))
  end)

  it("reads as many levels as the option says", function()
    assert.is_table(json.decode("[[]]", { depth = 2 }))
    refused("[[]]", { depth = 1 })
    local levels <const> = 10000
    local text <const> = ('[{"a":'):rep(levels // 2) .. "1" .. ("}]"):rep(levels // 2)
    local value = json.decode(text, { depth = levels })
    for _ = 1, levels // 2 do value = value[1].a end
    assert.are.equal(1, value)
  end)

  it("refuses a text that is too large with kind limit", function()
    assert.are.equal(10, json.decode("10", { size = 2 }))
    local e <const> = support.failure(json.decode, "100", { size = 2 })
    assert.is_true(lull.is_error(e, "limit"))
  end)

  it("finds an error that is far behind", function()
    local e <const> = refused("[" .. ("1,\n"):rep(100000) .. "}")
    assert.are.same({ 100001, 1, 300002 }, { e.line, e.column, e.position })
  end)

  it("says no control bytes in errors", function()
    assert.is_nil(tostring(refused '["\27[2J\a", \27[1m]'):find "%c")
  end)

  it("refuses wrong arguments before anything else", function()
    for _, arguments in ipairs {
      {}, { 1 }, { {} }, { "1", 1 }, { "1", { deep = 1 } }, { "1", { depth = 0 } },
      { "1", { indent = 2 } }, { "1", { depth = "x" } }, { "1", { size = 1.5 } },
      { "1", { unique = 1 } }, { "1", { "depth" } },
    } do
      local e <const> = support.failure(json.decode, table.unpack(arguments))
      assert.is_string(e)
      assert.truthy(e:find "bad argument")
    end
  end)
end)
