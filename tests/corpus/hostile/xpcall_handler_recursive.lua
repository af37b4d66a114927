-- The handler catches with itself as the handler.
-- expect: limit
-- delay: 600
local function handler(e)
  xpcall(error, handler, e)
  return handler(e)
end
while true do xpcall(error, handler, "x") end
