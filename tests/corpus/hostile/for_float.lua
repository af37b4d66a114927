-- A float loop whose step is lost in rounding.
-- expect: limit
for _ = 1e308, math.huge, 1 do end
