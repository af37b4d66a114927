-- gsub within the callback of gsub.
-- expect: failed
local function again() return (("x"):gsub("x", again)) end
again()
