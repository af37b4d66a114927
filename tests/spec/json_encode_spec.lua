--- json_encode_spec.lua: lull.json.encode, null and arrays, and the way round.

local json = require "lull.json"
local lull = require "lull"

local here <const> = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local support <const> = dofile(here .. "support.lua")

local function refused(value, opts)
  local e <const> = support.failure(json.encode, value, opts)
  assert.is_true(lull.is_error(e, "json"), tostring(e))
  return e
end

local function round(value, opts) return json.decode(json.encode(value, opts)) end

describe("json.encode", function()
  it("writes any value at the top", function()
    assert.are.equal("1", json.encode(1))
    assert.are.equal('"x"', json.encode "x")
    assert.are.equal("true", json.encode(true))
    assert.are.equal("false", json.encode(false))
    assert.are.equal("null", json.encode(json.null))
    assert.are.equal("{}", json.encode {})
  end)

  it("writes arrays and objects without spaces", function()
    local value <const> = { 1, "a", { true }, { k = json.null } }
    assert.are.equal('[1,"a",[true],{"k":null}]', json.encode(value))
  end)

  it("keeps integers and floats apart", function()
    assert.are.equal("[1,1.0,-2.5,-0.0]", json.encode { 1, 1.0, -2.5, -0.0 })
    for _, value in ipairs {
      0, 0.0, math.maxinteger, math.mininteger, 2.0 ^ 53, 1e15, 1e300, -1e16,
    } do
      local back <const> = round(value)
      assert.are.equal(math.type(value), math.type(back))
      assert.are.equal(value, back)
    end
  end)

  it("writes a float in the fewest digits that are read back as the same", function()
    for text, value in pairs {
      ["0.1"] = 0.1, ["0.3"] = 0.3, ["0.30000000000000004"] = 0.1 + 0.2,
      ["0.3333333333333333"] = 1 / 3,
      ["19.99"] = 19.99, ["123456.789"] = 123456.789, ["0.0001"] = 1e-4, ["1e-05"] = 1e-5,
      ["100.0"] = 1e2, ["9007199254740991.0"] = 2.0 ^ 53 - 1,
      ["1.7976931348623157e+308"] = 1.7976931348623157e308,
      ["5e-324"] = 2.0 ^ -1074, ["1.5e-322"] = 1.5e-322,
      ["3.141592653589793"] = math.pi, ["4503599627370495.5"] = 2.0 ^ 52 - 0.5,
    } do
      assert.are.equal(text, json.encode(value))
    end
  end)

  it("writes every float so that it is read back the same", function()
    local seed = 1
    for exponent = -1074, 1023 do
      seed = (seed * 6364136223846793005 + 1442695040888963407)
      local power <const> = 2.0 ^ exponent
      local above <const> = power * (1 + (seed >> 12) * 2.0 ^ -52)
      for _, value in ipairs { power, above, power * (1 - 2.0 ^ -53) } do
        if value < math.huge then assert.are.equal(value, round(value)) end
      end
    end
  end)

  it("escapes what has to be", function()
    assert.are.equal([["\"\\/\b\f\n\r\t\u0000\u000b\u001f]] .. "\127é😀\"",
      json.encode '"\\/\b\f\n\r\t\0\v\31\127é😀')
  end)

  it("brings strings and keys of all bytes of ASCII round", function()
    local all <const> = {}
    for i = 0, 127 do all[#all + 1] = string.char(i) end
    local text <const> = table.concat(all)
    for cut = 1, 20 do
      local part <const> = text:sub(cut):rep(3)
      assert.are.same({ [part] = part }, round { [part] = part })
    end
  end)

  it("brings long texts round", function()
    local value <const> = {}
    for i = 1, 3000 do
      value[i] = { id = i, text = ("ü\n"):rep(i % 50), list = { i / 7, json.null } }
    end
    assert.are.same(value, round(value))
    for _, size in ipairs { 4080, 4090, 4096, 4100, 1000000 } do
      local text <const> = ("\1"):rep(size)
      assert.are.equal(text, round(text))
    end
  end)

  it("sorts keys by their bytes if asked to", function()
    local value <const> = { b = 1, a = { z = 1, y = 2 }, ["é"] = 3, ["a\0"] = 4, [""] = 5, B = 6 }
    assert.are.equal('{"":5,"B":6,"a":{"y":2,"z":1},"a\\u0000":4,"b":1,"é":3}',
      json.encode(value, { sort = true }))
  end)

  it("indents if asked to", function()
    local value <const> = { a = { 1, { b = true } }, c = {}, d = json.array() }
    assert.are.equal([[
{
  "a": [
    1,
    {
      "b": true
    }
  ],
  "c": {},
  "d": []
}]], json.encode(value, { indent = 2, sort = true }))
    assert.are.equal("[1]", json.encode({ 1 }, { indent = 0 }))
  end)

  it("reads tables raw", function()
    local function never() error "called" end
    local meta <const> = { __index = never, __pairs = never, __len = never, __tostring = never }
    assert.are.equal('{"a":1}', json.encode(setmetatable({ a = 1 }, meta)))
    assert.are.equal("[2]", json.encode(setmetatable({ 2 }, meta)))
  end)

  it("writes arrays whatever the order they were made in", function()
    local list <const> = {}
    for i = 100, 1, -1 do list[i] = i end
    assert.are.same(list, round(list))
  end)

  it("names the path to what it refuses", function()
    local users <const> = { { name = "a" }, { name = "b" }, { name = print } }
    local e <const> = refused { users = users }
    assert.are.equal("$.users[3].name", e.path)
    assert.truthy(tostring(e):find("function at $.users[3].name", 1, true))
    assert.are.equal("$.users[3].name", refused({ users = users }, { sort = true }).path)
    assert.are.equal('$["odd key\\010"][1]', refused({ ["odd key\n"] = { print } }).path)
    assert.are.equal("$", refused(print).path)
  end)

  it("refuses values JSON does not have", function()
    local thread <const> = coroutine.create(print)
    for _, value in ipairs { print, thread, io.stdout, 1 / 0, -1 / 0, 0 / 0, "\xFF" } do
      refused(value)
      assert.are.equal("$.a[1]", refused({ a = { value } }).path)
    end
    refused(nil)
  end)

  it("refuses keys JSON does not have", function()
    for _, value in ipairs {
      { [true] = 1 }, { [1.5] = 1 }, { [print] = 1 }, { [0] = 1 }, { [-1] = 1 },
      { 1, a = 2 }, { 1, nil, 3 }, { [3] = 1 }, json.array { a = 1 }, json.array { [2] = 1 },
      { [math.maxinteger] = 1 }, { a = 1, b = 2, [{}] = 3 },
    } do
      assert.are.equal("$", refused(value).path)
      assert.are.equal("$", refused(value, { sort = true }).path)
    end
    assert.are.equal('$["\\255"]', refused({ ["\xFF"] = 1 }).path)
  end)

  it("refuses a cycle, and names both ends", function()
    local value <const> = { list = { {} } }
    value.list[1].back = value.list
    local e <const> = refused(value)
    assert.are.equal("$.list[1].back", e.path)
    assert.truthy(e.message:find("cycle: it contains the table at $.list,", 1, true))
  end)

  it("writes a table that occurs twice without a cycle twice", function()
    local shared <const> = { 1 }
    assert.are.equal("[[1],[1]]", json.encode { shared, shared })
  end)

  it("writes 128 levels and no more, or as many as the option says", function()
    local function nested(levels)
      local value = {}
      for _ = 2, levels do value = { value } end
      return value
    end
    assert.is_string(json.encode(nested(128)))
    assert.truthy(refused(nested(129)).message:find "too deep")
    refused({ {} }, { depth = 1 })
    assert.are.equal(19999, #json.encode(json.array { nested(9999) }, { depth = 10000 }) - 1)
    assert.truthy(#refused(nested(10001), { depth = 10000 }).path < 1000)
  end)

  it("refuses a text that would be too large with kind limit", function()
    assert.are.equal('"ab"', json.encode("ab", { size = 4 }))
    for _, value in ipairs { "abc", ("x"):rep(1000000), { ("x"):rep(5000), 1 } } do
      local e <const> = support.failure(json.encode, value, { size = 4 })
      assert.is_true(lull.is_error(e, "limit"))
    end
  end)

  it("refuses wrong arguments before anything else", function()
    for _, arguments in ipairs {
      { 1, 1 }, { 1, { unique = true } }, { 1, { indent = 17 } }, { 1, { indent = true } },
      { 1, { sort = 1 } },
    } do
      local e <const> = support.failure(json.encode, table.unpack(arguments))
      assert.is_string(e)
      assert.truthy(e:find "bad argument #2")
    end
    assert.truthy(support.failure(json.encode):find "bad argument #1")
  end)
end)

describe("json.null", function()
  it("is one value, true as a condition, that says what it is", function()
    assert.is_true(json.null and true)
    assert.are.equal("null", tostring(json.null))
    assert.are.equal(json.null, json.decode("[null]")[1])
  end)

  it("has a place in arrays and objects that nil has not", function()
    assert.are.equal(3, #json.decode "[null,null,null]")
    assert.are.same({ a = json.null }, round { a = json.null })
  end)
end)

describe("json.array", function()
  it("makes an array of an empty table", function()
    assert.are.equal("[]", json.encode(json.array()))
    assert.are.equal("[]", json.encode(json.array {}))
    assert.are.equal('{"a":[]}', json.encode { a = json.array() })
  end)

  it("returns the table it marked", function()
    local list <const> = { 1 }
    assert.are.equal(list, json.array(list))
    assert.are.equal(list, json.array(list))
    assert.is_true(json.is_array(list))
  end)

  it("is what arrays are that were read, also when they become empty", function()
    for _, text in ipairs { "[]", "[[]]", '{"a":[]}' } do
      assert.are.equal(text, json.encode(json.decode(text)))
    end
    local list <const> = json.decode "[1]"
    table.remove(list)
    assert.are.equal("[]", json.encode(list))
  end)

  it("tells them from other tables", function()
    assert.is_true(json.is_array(json.decode "[]"))
    for _, value in ipairs { {}, { 1 }, json.decode "{}", "x", 1, json.null } do
      assert.is_false(json.is_array(value))
    end
  end)

  it("leaves a metatable that is there", function()
    for _, value in ipairs { setmetatable({}, {}), "x", 1 } do
      assert.truthy(support.failure(json.array, value):find "bad argument #1")
    end
  end)
end)
