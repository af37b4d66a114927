--- All that is below DIR, with its sizes: wall time.  It must be COUNT files.
local fs = require "lull.fs"
local lull = require "lull"

local function measure()
  local start <const> = lull.now()
  local files = 0
  for _, stat in fs.walk(arg[1]) do
    if stat.type == "file" and stat.size == 0 then files = files + 1 end
  end
  assert(files == math.tointeger(arg[2]))
  return lull.now() - start
end

measure()
print(("ns=%.0f"):format(measure() * 1e9))
