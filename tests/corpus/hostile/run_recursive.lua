-- lull.run in lull.run.
-- expect: failed|limit
local lull = require "lull"
local function again() return lull.run(again) end
again()
