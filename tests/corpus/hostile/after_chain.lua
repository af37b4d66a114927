-- Each timer sets two others.
-- expect: limit|failed
local lull = require "lull"
local function again() lull.after(0, again) lull.after(0, again) end
again()
lull.sleep_forever()
