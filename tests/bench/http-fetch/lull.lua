--- Fetches URL PAGES times over CONNECTIONS connections, dropping every body
--- once it is whole: once to warm up and PASSES times that count.
local http = require "lull.http"
local lull = require "lull"

local url <const>, pages <const> = arg[1], math.tointeger(arg[2])
local connections <const>, passes <const> = math.tointeger(arg[3]), math.tointeger(arg[4])
local client <const> = http.client {
  max_connections = connections, max_per_host = connections, max_idle = connections,
}
local LENGTH <const> = #client:get(url).body

local function fetch()
  return #client:get(url).body
end

local function pass()
  local wanted <const> = {}
  for i = 1, pages do
    wanted[i] = fetch
  end
  for _, length in ipairs(lull.gather(wanted)) do
    assert(length == LENGTH)
  end
end

pass()
local cpu <const>, wall <const> = os.clock(), lull.now()
for _ = 1, passes do
  pass()
end
local count <const> = pages * passes / 1e9
print(("ns=%.1f wall=%.1f"):format((os.clock() - cpu) / count, (lull.now() - wall) / count))
