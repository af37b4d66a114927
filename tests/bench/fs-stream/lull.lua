--- FROM copied to TO, 256 KiB at a time: wall time of all.
local fs = require "lull.fs"
local lull = require "lull"

local start <const> = lull.now()
local from <close>, to <const> = fs.open(arg[1]), fs.open(arg[2], "w")
local _ <close> = to
for chunk in from:lines(256 * 1024) do to:write(chunk) end
print(("ns=%.0f"):format((lull.now() - start) * 1e9))
