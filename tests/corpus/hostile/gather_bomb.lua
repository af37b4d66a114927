-- gather of gathers.
-- expect: failed|limit
local lull = require "lull"
local function bomb() lull.gather(bomb, bomb, bomb) end
bomb()
