-- The same with match, quantifiers nested by hand.
-- expect: limit
-- needs: bounded
-- delay: 600
local s = ("ab"):rep(5000)
while true do pcall(string.match, s, ".-.-.-.-.-.-.-.-x") end
