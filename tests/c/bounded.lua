--- What standard functions do in a limited runtime: run by bounded_test.c.

local lull = require "lull"

local function fails(text, fn, ...)
  local ok, err = pcall(fn, ...)
  assert(not ok, "no error")
  assert(tostring(err):find(text, 1, true), tostring(err))
end

-- ---- metatables -------------------------------------------------------------

do -- identity
  local meta = { __index = { x = 1 } }
  local object = {}
  assert(setmetatable(object, meta) == object)
  assert(rawequal(getmetatable(object), meta) and object.x == 1)
  assert(setmetatable(object, nil) == object and getmetatable(object) == nil)
  assert(getmetatable(meta) == nil and next(meta) == "__index" and next(meta, "__index") == nil)
end

do -- a metamethod that comes later is seen
  local meta = {}
  local object = setmetatable({}, meta)
  meta.__index = function(_, key) return key .. "!" end
  meta.__tostring = function() return "an object" end
  assert(object.x == "x!" and tostring(object) == "an object")
  assert(rawget(meta, "__tostring"))
end

do -- and one that is set by rawset, new or not
  local meta = {}
  local object = setmetatable({}, meta)
  assert(rawset(meta, "__index", function() return 1 end) == meta and object.x == 1)
  rawset(meta, "__index", function() return 2 end)
  assert(object.x == 2 and setmetatable({}, meta).x == 2)
  fails("table expected", rawset, 1, 2, 3)
  fails("value expected", rawset, {}, 2)
end

do -- keys that no table has are refused as in any table
  local meta = {}
  setmetatable({}, meta)
  fails("table index is nil", function() meta[nil] = 1 end)
  fails("bounded.lua", function() meta[0 / 0] = 1 end)
end

do -- so is one that comes later to a class with a base, and to its base
  local Base = {}
  Base.__index = Base
  local Class = setmetatable({}, { __index = Base })
  Class.__index = Class
  local object = setmetatable({}, Class)
  function Class.__add(_, n) return n end
  function Base.hello() return "hello" end
  assert(object + 2 == 2 and object.hello() == "hello")
  assert(setmetatable({}, Class) + 3 == 3)
end

do -- one that is replaced counts from the next setmetatable on
  local meta = { __len = function() return 1 end }
  local object = setmetatable({}, meta)
  meta.__len = function() return 2 end
  assert(#setmetatable({}, meta) == 2 and #object == 2)
  meta.__len = nil
  assert(#setmetatable({}, meta) == 0 and #object == 0)
end

do -- a table that is its own metatable
  local object = {}
  setmetatable(object, object)
  object.__index = function() return "self" end
  assert(object.anything == "self" and rawequal(getmetatable(object), object))
end

do -- __newindex and guards do not get into each other's way
  local seen = {}
  local Class = setmetatable({}, { __newindex = function(t, k, v) seen[k] = v rawset(t, k, v) end })
  setmetatable({}, Class)
  Class.__concat = function() return "joined" end
  assert(seen.__concat and setmetatable({}, Class) .. "" == "joined")
end

do -- protection, and what stock says
  local object = setmetatable({}, { __metatable = "locked" })
  assert(getmetatable(object) == "locked")
  fails("cannot change a protected metatable", setmetatable, object, {})
  fails("bad argument #1 to 'setmetatable' (table expected, got nil)", function() setmetatable(nil, {}) end)
  fails("bad argument #2 to 'setmetatable' (nil or table expected, got no value)", function() setmetatable({}) end)
  fails("bad argument #1 to 'getmetatable' (value expected)", function() getmetatable() end)
  fails("index is nil", function() local t = {} setmetatable({}, t) t[nil] = 1 end)
end

do -- callable tables
  local function adder(_, a, b) return a + b end
  local callable = setmetatable({}, { __call = adder })
  local object = setmetatable({}, { __call = setmetatable({}, { __call = function(_, self, a) return self, a end }) })
  assert(callable(1, 2) == 3)
  local self, a = object(7)
  assert(self == object and a == 7)
  local waits = setmetatable({}, { __call = setmetatable({}, { __call = function(_, _, n)
    lull.yield()
    return n
  end }) })
  assert(waits(5) == 5)
end

do -- weak values are weak, weak keys are not
  local values, keys = setmetatable({}, { __mode = "v" }), setmetatable({}, { __mode = "k" })
  local both = setmetatable({}, { __mode = "kv" })
  values[1], keys[{}], both[1] = {}, true, {}
  collectgarbage()
  assert(next(values) == nil and next(both) == nil and next(keys) ~= nil)
end

do -- metatables made in C are shown, and not changed
  local meta = getmetatable ""
  assert(meta.__index == string or type(meta.__index) == "table")
  fails("", function() meta.__call = "" end)
  fails("", function() getmetatable(lull).__call = lull end)
  assert(getmetatable(lull) == getmetatable(lull))
end

do -- lull's own classes and errors
  local err = lull.new_error("io", "no")
  assert(lull.is_error(err) and tostring(err):find "no")
  local awaited = setmetatable({}, { __await = function() return "value" end })
  assert(lull.await(awaited) == "value")
  local closed
  local wrapped = coroutine.wrap(function()
    local _ <close> = setmetatable({}, { __close = function() lull.yield() closed = true end })
    error "x"
  end)
  assert(not pcall(wrapped) and closed)
end

-- ---- finalizers ---------------------------------------------------------------

local function collect()
  for _ = 1, 3 do
    collectgarbage()
    lull.sleep(0.001)
  end
end

do -- in reverse order, with the object
  local log = {}
  local meta = { __gc = function(object) log[#log + 1] = object.n end }
  for i = 1, 5 do setmetatable({ n = i }, meta) end
  collect()
  assert(table.concat(log, " ") == "5 4 3 2 1", table.concat(log, " "))
end

do -- they may wait, and are called once
  local calls = 0
  do setmetatable({}, { __gc = function() lull.sleep(0.001) calls = calls + 1 end }) end
  collect()
  collect()
  assert(calls == 1)
end

do -- what is marked again is called again
  local calls = 0
  local meta = {}
  meta.__gc = function(object)
    calls = calls + 1
    if calls < 3 then setmetatable(object, meta) end
  end
  do setmetatable({}, meta) end
  for _ = 1, 4 do collect() end
  assert(calls == 3)
end

do -- __gc that comes later counts from the next setmetatable on
  local calls = {}
  local meta = {}
  setmetatable({}, meta)
  meta.__gc = function(object) calls[#calls + 1] = object.n end
  do setmetatable({ n = 1 }, meta) end
  collectgarbage()
  lull.sleep(0.001)
  assert(#calls == 1 and calls[1] == 1)
end

do -- __gc that comes later does not count, but one that is replaced does
  local calls = {}
  local late, replaced = {}, { __gc = true }
  do
    setmetatable({}, late)
    setmetatable({}, replaced)
  end
  late.__gc = function() calls[#calls + 1] = "late" end
  replaced.__gc = function() calls[#calls + 1] = "replaced" end
  collect()
  assert(table.concat(calls, " ") == "replaced")
end

do -- many at once
  local calls = 0
  local meta = { __gc = function() calls = calls + 1 end }
  for _ = 1, 1000 do setmetatable({}, meta) end
  for _ = 1, 20 do collect() end
  assert(calls == 1000, calls)
end

do -- an error stays theirs
  do setmetatable({}, { __gc = function() error "in a finalizer" end }) end
  collect()
end

-- ---- functions that are replaced ------------------------------------------------

assert(("ab"):rep(3, ",") == "ab,ab,ab" and (""):rep(1e15) == "" and ("x"):rep(0) == "" and ("x"):rep(-1) == "")
assert(("xyz"):rep(1e6) == ("xyz"):rep(1e5):rep(10) and #("a"):rep(1e5, "bc") == 3e5 - 2)
assert((""):rep(3, ",") == ",," and ("a"):rep(1, "bcd") == "a")
fails("resulting string too large", string.rep, "ab", math.maxinteger)
fails("bad argument #2 to 'rep'", function() string.rep("x", {}) end)

local function digits(n) return ("0"):rep(2000) .. n end
assert(("%d %s %5.1s|"):format(digits(7), "s", ("long"):rep(1000)) == "7 s     l|")
assert(("%.3s"):format(setmetatable({}, { __tostring = function() return "shown" end })) == "sho")
assert(("%-10s|%q|%%"):format("ab", "c") == 'ab        |"c"|%')
assert(#("%s"):format(("x"):rep(5000)) == 5000 and #("%-3s"):format(("x"):rep(5000)) == 5000)
fails("string contains zeros", string.format, "%.3s", ("x\0"):rep(1000))
fails("bad argument #2 to 'format' (no value)", function() string.format "%d" end)
fails("number expected, got string", function() return ("%d"):format(("x"):rep(2000)) end)
assert(string.char(digits(65), 66) == "AB" and utf8.char(digits(228)) == "ä")
assert(math.max(1, digits(9), 3) == 9 and math.min(digits(2), 3) == 2)
assert(string.pack("i1z", digits(5), "x") == "\5x\0" and os.date("!%Y", 0) == "1970")

local list = { 1, 2, 3 }
table.insert(list, 4)
table.insert(list, 1, 0)
assert(table.concat(list, ",") == "0,1,2,3,4" and table.concat(list, ",", 2, 3) == "1,2")
assert(table.remove(list) == 4 and table.remove(list, 1) == 0 and table.remove({}) == nil)
assert(select("#", table.unpack(list)) == 3 and table.unpack(list, 2) == 2)
assert(table.concat(table.move(list, 1, 3, 2)) == "1123" and #table.move(list, 1, 4, 1, {}) == 4)
fails("position out of bounds", table.insert, {}, 3, 1)
fails("wrong number of arguments to 'insert'", table.insert, {})
fails("position out of bounds", table.remove, {}, 7)
fails("invalid value (table) at index 1 in table for 'concat'", table.concat, { {} })
fails("too many results to unpack", table.unpack, {}, 1, 1e9)
fails("too many elements to move", table.move, {}, 0, math.maxinteger, 1)
fails("destination wrap around", table.move, {}, 1, 2, math.maxinteger)

assert(load("return 1 " .. ("-- a comment\n"):rep(1e4))() == 1)
assert(select(2, load(("x = 1 "):rep(1e4) .. "x x")):find "syntax error")
