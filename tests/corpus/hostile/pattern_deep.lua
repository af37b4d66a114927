-- A pattern whose matching recurses in C.
-- expect: failed
local s = ("a"):rep(300000)
assert(not pcall(string.match, s, ("(a)"):rep(33)))
error(select(2, pcall(string.match, s, ("a?"):rep(300000) .. "b")))
