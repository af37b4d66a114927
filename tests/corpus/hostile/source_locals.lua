-- Too many locals, upvalues, labels, gotos; a hundred thousand constants.
-- expect: done|limit
local lines = {}
for i = 1, 300 do lines[i] = "local a" .. i .. " = " .. i end
assert(not load(table.concat(lines, "\n")))
lines = {}
for i = 1, 190 do lines[i] = "local a" .. i .. " = " .. i end
lines[191] = "return function() return function() local b190 = 1 return a1"
for i = 2, 190 do lines[190 + i] = " + a" .. i end
lines[#lines + 1] = " end end"
assert(load(table.concat(lines, "\n")))
lines = {"return {"}
for i = 1, 30000 do lines[i + 1] = i .. ".5," end
lines[#lines + 1] = "}"
assert(load(table.concat(lines)))
lines = {}
for i = 1, 5000 do lines[i] = "::l" .. i .. ":: goto l" .. 5001 - i end
load(table.concat(lines, "\n"))
