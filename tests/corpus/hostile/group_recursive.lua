-- Groups in groups.
-- expect: failed|limit
local lull = require "lull"
local function deeper(g)
  g:spawn(function() lull.group(deeper) end)
  lull.group(deeper)
end
lull.group(deeper)
