-- A for loop of 2^63 steps.
-- expect: limit
for _ = 1, math.maxinteger do end
