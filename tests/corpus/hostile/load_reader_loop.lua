-- A reader that does not return.
-- expect: limit
load(function() while true do end end)
