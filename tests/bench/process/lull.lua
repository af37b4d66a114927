--- /bin/true with its output taken, OPS times: wall time of one.
local lull = require "lull"
local process = require "lull.process"

local ops <const> = math.tointeger(arg[1])
local COMMAND <const> = { "/bin/true" }
local OPTIONS <const> = { stderr = "inherit" }

local function measure(total)
  local start <const> = lull.now()
  for _ = 1, total do
    assert(process.run(COMMAND, OPTIONS).code == 0)
  end
  return (lull.now() - start) / total
end

measure(ops // 10 + 1)
print(("ns=%.2f"):format(measure(ops) * 1e9))
