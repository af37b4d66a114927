--- bounded_find_spec.lua: string.find, match and gmatch are stock's in what they answer.

--- What both a stock lua5.4 and lull run: results and errors of many random calls.
local PROGRAM <const> = [==[
math.randomseed(tonumber(arg[1]))
local items = { "a", "b", ".", "%a", "%d", "%s", "%w", "%S", "%z", "[ab]", "[^a]", "[a-c]", "[%a_]", "[]]", "[^]]",
  "*", "+", "-", "?", "(", ")", "()", "^", "$", "%b()", "%bab", "%f[a]", "%f[%w]", "%1", "%2", "%", "[", "]", "\0", "x" }
local letters = { "a", "b", "c", "a", "b", "A", " ", "(", ")", "0", "_", "\0", "\n", "-", "\xC3\xA9", "]", "^", "x" }
local function some(of, most)
  local t = {}
  for i = 1, math.random(0, most) do t[i] = of[math.random(#of)] end
  return table.concat(t)
end
local function show(...)
  local t = table.pack(...)
  for i = 1, t.n do t[i] = type(t[i]) == "string" and ("%q"):format(t[i]) or tostring(t[i]) end
  return table.concat(t, ",")
end
local function all(...)
  local t = {}
  for a, b in string.gmatch(...) do
    t[#t + 1] = show(a, b)
    if #t > 20 then break end
  end
  return table.concat(t, ";")
end
local function try(fn, ...) print(show(pcall(fn, ...))) end
for _ = 1, 3000 do
  local s, p = some(letters, 12), some(items, 6)
  local init = math.random(4) == 1 and math.random(-15, 15) or nil
  try(string.find, s, p, init)
  try(string.find, s, p, init, true)
  try(string.match, s, p, init)
  try(all, s, p, init)
  try(string.find, some({ "a", "b" }, 40), some({ "a", "b" }, 5))
end
local ends = { math.mininteger, math.maxinteger, -4, -3, 0, 3, 4, 5 }
for _, init in ipairs(ends) do
  try(string.find, "abc", "", init)
  try(string.match, "abc", "()", init)
  try(all, "abc", "()", init)
end
for _, p in ipairs { ("("):rep(40), ("(a"):rep(33), ("a?"):rep(300) } do
  try(string.find, ("a"):rep(300), p)
end
for _, name in ipairs { "find", "match", "gmatch" } do
  local fn = string[name]
  print(pcall(function() local r = fn() return r end))
  print(pcall(function() local r = fn("a", {}) return r end))
  print(pcall(function() local r = fn("a", "a", {}) return r end))
  print(pcall(function() local r = fn("a", "a", 1.5) return r end))
  print(pcall(function() return (("x")[name])(12, 1, "2") ~= nil end))
end
]==]

local function output_of(program, seed, file)
  local pipe <close> = assert(io.popen(("%s %s %d 2>&1"):format(program, file, seed)))
  return pipe:read "a"
end

describe("find, match and gmatch", function()
  local file

  setup(function()
    file = os.tmpname()
    local out <close> = assert(io.open(file, "w"))
    out:write(PROGRAM)
  end)

  teardown(function() os.remove(file) end)

  for seed = 1, 3 do
    it("answer as stock does, seed " .. seed, function()
      local stock = output_of("lua5.4", seed, file)
      assert.is_true(#stock > 100000)
      assert.is_true(stock == output_of((os.getenv "LULL_BUILD" or "build") .. "/lull", seed, file))
    end)
  end

  it("find plain text anywhere in a long one", function()
    local text = ("ab"):rep(100000)
    for _, at in ipairs { 1, 65535, 65536, 65537, 131000, 200000 } do
      local whole = text:sub(1, at - 1) .. "a#b" .. text
      assert.are.same({ at, at + 2 }, { whole:find("a#b", 1, true) })
      assert.is_nil(whole:find("bbb", 1, true))
    end
  end)

  it("are findable by their names in messages", function()
    local ok, message = pcall(function() return (""):find({}) end)
    assert.is_false(ok)
    assert.is_truthy(message:find("bad argument #1 to 'find' (string expected, got table)", 1, true))
  end)

  it("go on where a coroutine left the iterator", function()
    local words = coroutine.wrap(function()
      for word in ("one two three"):gmatch "%a+" do coroutine.yield(word) end
    end)
    assert.are.same({ "one", "two", "three" }, { words(), words(), words() })
  end)
end)
