-- A comparator that never returns.
-- expect: limit
table.sort({3, 2, 1}, function() while true do end end)
