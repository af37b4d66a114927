--- FROM copied to TO as a whole: wall time.
local fs = require "lull.fs"
local lull = require "lull"

local start <const> = lull.now()
fs.copy(arg[1], arg[2])
print(("ns=%.0f"):format((lull.now() - start) * 1e9))
