-- Prints as fast as it can.
-- expect: limit|failed
while true do pcall(print, ("x"):rep(1000)) end
