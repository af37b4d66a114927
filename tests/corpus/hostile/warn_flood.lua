-- warn, as much as it can.
-- expect: limit|failed
-- needs: print
warn("@on")
while true do warn("x", ("y"):rep(1000)) end
