--- Every file of DIR/1 to DIR/COUNT read, all at once: wall time of one.
local fs = require "lull.fs"
local lull = require "lull"

local dir <const>, count <const> = arg[1], math.tointeger(arg[2])
local paths <const> = {}
for i = 1, count do paths[i] = ("%s/%d"):format(dir, i) end

local function read(path)
  return fs.read_file(path)
end

local function measure(times)
  local start <const> = lull.now()
  for _ = 1, times do
    for _, bytes in ipairs(lull.map(paths, read)) do assert(#bytes == 4096) end
  end
  return (lull.now() - start) / times / count
end

measure(1)
print(("ns=%.2f"):format(measure(5) * 1e9))
