-- A chain of a hundred thousand causes.
-- expect: failed
local lull = require "lull"
local e
for i = 1, 20000 do e = lull.new_error("io", "deep", {cause = e}) end
error(e)
