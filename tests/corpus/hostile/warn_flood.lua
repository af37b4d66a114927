-- warn, as much as it can.
-- expect: limit|failed
warn("@on")
while true do warn("x", ("y"):rep(1000)) end
