-- Comments, lines and strings of megabytes.
-- expect: done|limit
assert(load("--" .. ("x"):rep(3000000)))
assert(load("--[==[" .. ("\n"):rep(2000000) .. "]==] return 1"))
assert(load("return [[" .. ("x"):rep(1000000) .. "]]"))
assert(not load("return '" .. ("x"):rep(1000000)))
assert(not load("x" .. ("y"):rep(1000000)))
assert(load((" "):rep(3000000)))
