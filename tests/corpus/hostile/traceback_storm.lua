-- Tracebacks of deep stacks, over and over.
-- expect: limit
-- delay: 600
local lull = require "lull"
local function deep(n)
  if n == 0 then
    while true do lull.current():traceback() end
  end
  return 1 + deep(n - 1)
end
deep(10000)
