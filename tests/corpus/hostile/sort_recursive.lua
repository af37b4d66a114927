-- sort within its comparator.
-- expect: failed
local function less() table.sort({2, 1, 3}, less) return false end
table.sort({2, 1, 3}, less)
