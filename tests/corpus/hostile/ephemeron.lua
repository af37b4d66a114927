-- Ephemeron tables whose entries hang on one another: quadratic marking.
-- expect: limit|failed
-- delay: 1500
local keys = {}
for i = 1, 8000 do keys[i] = {} end
local t = setmetatable({}, {__mode = "k"})
for i = 8000, 2, -1 do t[keys[i]] = keys[i - 1] end
local last = keys[8000]
keys = nil
while true do collectgarbage() local _ = last end
