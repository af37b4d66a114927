--- COUNT pages at once, and the end.
local http = require "lull.http"
local lull = require "lull"

local url <const>, count <const> = arg[1], math.tointeger(arg[2])
local wanted <const> = {}
for i = 1, count do
  wanted[i] = function()
    return http.get(url .. "?n=" .. i)
  end
end
for _, res in ipairs(lull.gather(wanted)) do
  assert(res.status == 200 and #res.body == 30720)
end
