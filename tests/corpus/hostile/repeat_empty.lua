-- A loop without a body whose condition never holds.
-- expect: limit
repeat until false
