-- Lists whose n is no number of entries.
-- expect: done
local lull = require "lull"
for _, n in ipairs {-1, 1 << 62, math.mininteger, 0.5, "x", 1 << 31, 1 << 32} do
  assert(not pcall(lull.gather, {n = n, lull.sleep}, {settle = true}) or n == -1 or n == math.mininteger)
  pcall(lull.race, {n = n})
  pcall(lull.wait, {n = n})
  pcall(lull.as_completed, {n = n})
end
