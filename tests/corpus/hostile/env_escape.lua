-- load with an environment, and what leads out of it.
-- expect: done
local env = {}
local f = load("x = 1 return _ENV, _G", "=env", "t", env)
local e, g = f()
assert(e == env and g == nil and env.x == 1)
assert(not pcall(load("return os.exit(1)", "=env", "t", env)))
assert(load("return ('x'):rep(2)", "=env", "t", env)() == "xx")
local mt = getmetatable("")
assert(type(mt) ~= "table" or mt.__index ~= nil)
assert(not pcall(setmetatable, "", {}))
