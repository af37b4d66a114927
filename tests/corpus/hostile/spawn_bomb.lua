-- Tasks that spawn tasks.
-- expect: failed|limit
local lull = require "lull"
local function bomb() while true do lull.spawn(bomb) end end
bomb()
