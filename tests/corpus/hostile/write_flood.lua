-- The same through io.
-- expect: limit|failed|done
local write = io and io.write or error
while true do pcall(write, ("x"):rep(1000)) pcall(function() io.stdout:write(("y"):rep(1000)) end) end
