-- Takes away every global, and goes on.
-- expect: limit
local lull, pairs, G, error = require "lull", pairs, _G, error
for k in pairs(G) do G[k] = nil end
lull.spawn(function() lull.yield() end)
lull.spawn(error):detach()
while true do lull.yield() end
