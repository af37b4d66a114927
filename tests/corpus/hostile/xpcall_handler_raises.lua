-- Errors in handlers of errors, over and over.
-- expect: limit
-- delay: 600
while true do
  xpcall(error, function(e) error(e) end, "x")
end
