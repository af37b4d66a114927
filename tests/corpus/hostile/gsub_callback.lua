-- A callback of gsub that never returns.
-- expect: limit
("x"):gsub("x", function() while true do end end)
