-- Prints as fast as it can.
-- expect: limit|failed
-- needs: print
while true do pcall(print, ("x"):rep(1000)) end
