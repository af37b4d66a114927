-- The plainest of loops.
-- expect: limit
while true do end
