-- The handler loops; so does what follows it.
-- expect: limit
-- delay: 600
while true do
  xpcall(error, function() while true do end end, "x")
end
