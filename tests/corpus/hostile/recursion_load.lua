-- load within the reader of load.
-- expect: failed|limit
local function reader() return load(reader) end
while true do
  local f, message = load(reader)
  if not f then error(message) end
end
