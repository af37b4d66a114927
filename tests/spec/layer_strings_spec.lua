--- layer_strings_spec.lua: string.gsub, table.sort and load are stock's, and may wait.
---
--- Most tests run one piece of source twice: here, and in a plain lua5.4, whose
--- output is the expected one.  The source is called with `pause`, which it calls
--- inside every callback: in lua5.4 that does nothing, here nothing or a wait.

local lull = require "lull"

local FUNCTIONS <const> = [[
local pause = ...
local lines = {}

local function show(value)
  if type(value) == "string" then return (("%q"):format(value):gsub("\\\n", "\\n")) end
  if type(value) == "number" then return math.type(value) .. " " .. value end
  if type(value) == "boolean" or value == nil then return tostring(value) end
  return type(value)
end

local function note(...)
  local values = table.pack(...)
  for i = 1, values.n do values[i] = show(values[i]) end
  lines[#lines + 1] = table.concat(values, ", ")
end

local state = 1
local function seed(n) state = n end
local function random(n)
  state = (state * 1103515245 + 12345) & 0x7fffffff
  return (state >> 8) % n + 1
end
local function pick(list) return list[random(#list)] end
local function waiting(fn) return function(...) pause() return fn(...) end end
]]

local function whole(source)
  return FUNCTIONS .. source .. "\nreturn table.concat(lines, '\\n')"
end

--- What the source returns in a plain lua5.4.
local function stock(source)
  local path <const> = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(whole(source))
  file:close()
  local program <const> = "io.write(assert(load(io.read('a'), '=case'))(function() end))"
  local pipe = assert(io.popen(("lua5.4 -e %q < %s"):format(program, path), "r"))
  local output <const> = pipe:read("a")
  pipe:close()
  os.remove(path)
  return output
end

local function here(source, pause)
  return assert(load(whole(source), "=case"))(pause)
end

--- The first line that differs: the whole output would be unreadable.
local function first_difference(expected, got)
  local theirs <const>, ours <const> = {}, {}
  for line in (expected .. "\n"):gmatch("(.-)\n") do theirs[#theirs + 1] = line end
  for line in (got .. "\n"):gmatch("(.-)\n") do ours[#ours + 1] = line end
  for i = 1, math.max(#theirs, #ours) do
    if theirs[i] ~= ours[i] then
      return ("line %d: stock %s, here %s"):format(i, theirs[i], ours[i])
    end
  end
end

--- Two tests: the source gives stock's output, without waits and with them.
local function same_as_stock(name, source)
  it(name, function()
    local expected <const> = stock(source)
    assert.is_true(#expected > 0, "lua5.4 printed nothing")
    assert.is_nil(first_difference(expected, here(source, function() end)))
  end)
  it(name .. ", waiting in every callback", function()
    local waits = 0
    local got <const> = here(source, function()
      waits = waits + 1
      lull.sleep(0)
    end)
    assert.is_true(waits > 0, "no callback was called")
    assert.is_nil(first_difference(stock(source), got))
  end)
end

describe("string.gsub", function()
  same_as_stock("matches random patterns as stock does", [=[
    local atoms = {
      "a", "b", "c", ".", "%a", "%d", "%w", "%s", "%A", "%W", "%p", "%u", "%x", "%z", "%%",
      "%.", "[abc]", "[^a]", "[a-c]", "[%d_]", "[]]", "[^]]", "[a-]", "[%a-z]", "[a-%z]",
      "[a-%]]", "()", "(", "(", ")", ")", "%1", "%2", "%b()", "%bxx", "%f[%w]", "%f[^a]",
      "$", "^", "-", "*", "?", "+", "[", "]", "%", "%f", "%b", "%bx", "\0", "1", "%g", "%c",
    }
    local marks = { "", "", "", "", "*", "+", "-", "?" }
    local letters = {
      "a", "b", "c", "x", "1", "_", " ", "(", ")", "]", "-", "%", "\0", "Z", "ab", "aa",
    }
    local texts = { "", "x", "%0", "%1", "%2", "%%", "%", "<%0>", "%1%2", "%9", "%x" }
    local functions = {
      function() return nil end,
      function() return false end,
      function(...) return select("#", ...) end,
      function(a) return ("<%s>"):format(a):rep(40) end,
      function(_, b) return b end,
      function(a) if a == "b" then error("no b", 0) end return a .. a end,
      function() return {} end,
    }
    local function word(list, most, suffixes)
      local parts = {}
      for i = 1, random(most + 1) - 1 do
        parts[i] = pick(list) .. (suffixes and pick(suffixes) or "")
      end
      return table.concat(parts)
    end
    local function replacement()
      local kind = random(4)
      if kind == 1 then return pick(texts) .. pick(texts) end
      if kind == 2 then return { a = "A", b = false, c = 3.5, aa = 12, ["1"] = {} } end
      if kind == 3 then
        local last = setmetatable({}, { __index = waiting(function(_, key) return key .. "!" end) })
        return setmetatable({ a = "A" }, { __index = last })
      end
      return waiting(pick(functions))
    end
    for round = 1, 6000 do
      seed(round)
      local subject = word(letters, 20)
      local pattern = (random(8) == 1 and "^" or "") .. word(atoms, 6, marks)
      local limit = random(4) == 1 and random(5) - 2 or nil
      note(round, subject, pattern, pcall(string.gsub, subject, pattern, replacement(), limit))
    end
  ]=])

  same_as_stock("treats long texts as stock does", [=[
    local text = ("the quick brown fox "):rep(500)
    note(string.gsub(text, "%w+", waiting(function(w) return w:rep(#w) end)))
    note(string.gsub(text, "quick", waiting(function() end)))
    note(string.gsub(text, "^the", waiting(function() return ("x"):rep(5000) end)))
  ]=])

  same_as_stock("raises stock's messages, with stock's positions", [=[
    local function f() pause() end
    f()
    note(pcall(function() string.gsub("alo", ".", "%2") end))
    note(pcall(function() string.gsub("alo", "(%0)", "a") end))
    note(pcall(function() string.gsub("alo", "(%1)", "a") end))
    note(pcall(function() string.gsub("alo", ".", "%x") end))
    note(pcall(function() string.gsub("alo", ".", "x%") end))
    note(pcall(function() string.gsub("alo", ")", "a") end))
    note(pcall(function() string.gsub("alo", "(.", f) end))
    note(pcall(function() string.gsub("alo", "%b", "a") end))
    note(pcall(function() string.gsub("alo", "%bx", "a") end))
    note(pcall(function() string.gsub("alo", "%f", "a") end))
    note(pcall(function() string.gsub("alo", "[a", "a") end))
    note(pcall(function() string.gsub("alo", "[]", "a") end))
    note(pcall(function() string.gsub("alo", "[^]", "a") end))
    note(pcall(function() string.gsub("alo", "[a%", "a") end))
    note(pcall(function() string.gsub("alo", "%", "a") end))
    note(pcall(function() string.gsub("alo", ("(a?)"):rep(33), "a") end))
    note(pcall(function() string.gsub("alo", ("()"):rep(33), "a") end))
    for n = 190, 210 do
      note(n, pcall(function() return string.gsub(("a"):rep(300), ("a?"):rep(n), "") end))
    end
    note(pcall(function() string.gsub("alo", ".", { a = {} }) end))
    note(pcall(function() string.gsub("alo", ".", function() pause() return {} end) end))
    note(pcall(function() string.gsub("alo", ".", function() pause() error("x") end) end))
    note(pcall(function() string.gsub("alo", ".", setmetatable({}, { __index = 1 })) end))
    local loop = {}
    setmetatable(loop, { __index = loop })
    note(pcall(function() string.gsub("alo", ".", loop) end))
    note(pcall(function() string.gsub() end))
    note(pcall(function() string.gsub("a") end))
    note(pcall(function() string.gsub("a", "b") end))
    note(pcall(function() string.gsub("a", "b", nil) end))
    note(pcall(function() string.gsub("a", "b", true) end))
    note(pcall(function() string.gsub("a", "b", nil, "x") end))
    note(pcall(function() string.gsub({}, "b", "c") end))
    note(pcall(function() return ("a"):gsub("b", print, 1.5) end))
    note(pcall(function() return ("a"):gsub() end))
    note(pcall(string.gsub, "a", {}))
    note(string.gsub(12, 2, 3), string.gsub("a1", "%d", 2.5))
  ]=])

  it("lets several tasks be inside at once", function()
    local function double(text)
      return (text:gsub("%a", function(letter)
        lull.sleep(0)
        return letter .. text:gsub(letter, letter:upper())
      end))
    end
    local words <const> = { "ab", "cde", "f", "ghij" }
    local expected <const> = { "aAbbaB", "cCdedcDeecdE", "fF", "gGhijhgHijighIjjghiJ" }
    local tasks <const> = {}
    for i, word in ipairs(words) do tasks[i] = lull.async(double)(word) end
    for i, task in ipairs(tasks) do assert.are.equal(expected[i], task:await()) end
  end)
end)

describe("table.sort", function()
  same_as_stock("leaves random lists in stock's order", [=[
    local orders = {
      function(x, y) return x.key < y.key end,
      function(x, y) return x.key > y.key end,
      function(x, y) return x.key <= y.key end,
      function(x, y) return (x.id * 7 + y.id * 13) % 3 == 0 end,
      function() return true end,
      function(x, y) if y.id == 7 then error("seven", 0) end return x.key < y.key end,
    }
    local function outcome(round, list, ...)
      local ids = {}
      for i, item in ipairs(list) do ids[i] = item.id end
      note(round, table.concat(ids, " "), ...)
    end
    for round = 1, 400 do
      seed(round)
      local list, keys, order = {}, pick { 4, 1000 }, pick(orders)
      for id = 1, random(random(8) == 1 and 150 or 25) do
        list[id] = { id = id, key = random(keys) }
      end
      local by_metamethod = table.move(list, 1, #list, 1, {})
      outcome(round, list, pcall(table.sort, list, waiting(order)))
      local meta = { __lt = waiting(order) }
      for _, item in ipairs(by_metamethod) do setmetatable(item, meta) end
      outcome(round, by_metamethod, pcall(table.sort, by_metamethod))
    end
  ]=])

  same_as_stock("sorts numbers and strings as stock does", [=[
    pause()
    local kinds = {
      function() return random(1000) end,
      function() return random(1000) / 8 end,
      function() return tostring(random(1000)) end,
      function() return random(6) == 1 and 0 / 0 or random(9) end,
      function() return random(60) == 1 and "word" or random(9) end,
    }
    for round = 1, 1000 do
      seed(round)
      local list, kind = {}, pick(kinds)
      for i = 1, random(40) do list[i] = kind() end
      local ok, message = pcall(function() table.sort(list) end)
      for i = 1, #list do list[i] = tostring(list[i]):gsub("-nan", "nan") end
      note(round, ok, message, table.concat(list, " "))
    end
  ]=])

  same_as_stock("raises stock's messages, with stock's positions", [=[
    local function less(a, b) pause() return a < b end
    table.sort({ 2, 1 }, less)
    note(pcall(function() table.sort() end))
    note(pcall(function() table.sort(1) end))
    note(pcall(function() table.sort({ 1, 2 }, 1) end))
    note(pcall(function() table.sort({ 1 }, 1) end))
    note(pcall(function() table.sort({ {}, {} }) end))
    note(pcall(function() table.sort({ 1, "x" }) end))
    note(pcall(function() table.sort({ 1, 2, 3, 4, 5 }, function() return true end) end))
    note(pcall(function() table.sort({ 1, "x" }, less) end))
    local long = setmetatable({}, { __len = function() return math.maxinteger end })
    note(pcall(function() table.sort(long) end))
    local odd = setmetatable({}, { __len = function() return "x" end })
    note(pcall(function() table.sort(odd) end))
  ]=])

  same_as_stock("reads and writes through metamethods", [=[
    local kept = { 5, 2, 8, 1, 9, 3 }
    local log = {}
    local list = setmetatable({}, {
      __len = function() return #kept end,
      __index = function(_, i) log[#log + 1] = "r" .. i return kept[i] end,
      __newindex = function(_, i, value) log[#log + 1] = "w" .. i kept[i] = value end,
    })
    table.sort(list, waiting(function(a, b) return a > b end))
    note(table.concat(kept, " "), table.concat(log, " "))
  ]=])
end)

describe("load", function()
  same_as_stock("gives stock's results for random readers", [=[
    local sources = {
      "return 1", "x = = 1", "local a <const> = 1; return a", "return ...", "return _ENV",
      "for i = 1, 3 do end return 'abc'", "return [[long\nstring]]", "x = 'unfinished", "\27Lua",
      "return 1e", "goto l", "-- c", "", string.dump(function() return 42 end),
      string.dump(function() return pause end) .. "rest",
    }
    local faults = {
      [1] = function() error("the reader", 0) end,
      [2] = function() return {} end,
      [3] = function() return "" end,
      [4] = function() return 7 end,
      [5] = function() error({}) end,
      [6] = function() return nil end,
    }
    local environment = { print = 1 }
    local function outcome(round, ok, fn, message)
      if type(fn) ~= "function" then return note(round, ok, fn, message) end
      local results = table.pack(pcall(fn, 1, 2))
      for i = 1, results.n do
        if results[i] == environment then results[i] = "the environment" end
        if results[i] == _G then results[i] = "the globals" end
      end
      note(round, "function", table.unpack(results, 1, results.n))
    end
    for round = 1, 1500 do
      seed(round)
      local source, pieces, at = pick(sources), {}, 1
      while at <= #source do
        local length = random(6)
        pieces[#pieces + 1] = source:sub(at, at + length - 1)
        at = at + length
      end
      local fault, when, calls = faults[random(12)], random(3), 0
      local reader = waiting(function()
        calls = calls + 1
        if calls == when and fault then return fault() end
        return pieces[calls]
      end)
      local name, mode = pick { "=n", "@f", "text", false }, pick { "b", "t", "bt", false }
      if random(2) == 1 then
        outcome(round, pcall(load, reader, name or nil, mode or nil))
      else
        local env = pick { environment, false }
        outcome(round, pcall(load, reader, name or nil, mode or nil, env or nil))
      end
    end
  ]=])

  same_as_stock("raises stock's messages and gives stock's errors", [=[
    local function silent() pause() end
    note(pcall(function() return load() end))
    note(pcall(function() return load(nil) end))
    note(pcall(function() return load({}) end))
    note(pcall(function() return load(silent, {}) end))
    note(pcall(function() return load(silent, "x", {}) end))
    note(pcall(function() return load(silent, {}, {}) end))
    note(pcall(function() return load(function() pause() return {} end) end))
    note(pcall(function() return load(function() pause() error("x") end) end))
    note(pcall(function() return load(silent) end))
    note(load("return 1", "=x", "b"))
    note(load("x = = 1"))
    note(load("x = = 1", "@file"))
    note(load("return ...", nil, nil, nil)(5))
    note(load("return _ENV", "x", "t", 5)())
    note(pcall(load("return print", "x", "t", nil)))
    note(load(12))
  ]=])

  it("stops an endless reader whose beginning does not compile", function()
    local calls = 0
    local fn, message = load(function()
      calls = calls + 1
      return calls == 1 and "x = = 1" or ("y = 1\n"):rep(1000)
    end)
    assert.is_nil(fn)
    assert.are.equal("(load):1: unexpected symbol near '='", message)
  end)

  it("compiles a long chunk from a reader", function()
    local lines = 0
    local fn = assert(load(function()
      lines = lines + 1
      if lines <= 30000 then return "x = (x or 0) + 1\n" end
      if lines == 30001 then return "return x" end
    end, "=long", "t", {}))
    assert.are.equal(30000, fn())
  end)
end)
