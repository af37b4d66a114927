-- Tables in tables, as deep as memory goes: the collector must not recurse.
-- expect: failed
-- message: memory
local t = {}
while true do t = {t} end
