-- Whatever is raised is caught, and it goes on.
-- expect: limit
while true do
  pcall(function() while true do end end)
end
