-- Each coroutine resumes a new one, forever.
-- expect: failed|limit
local function climb() return coroutine.wrap(climb)() end
while true do
  local ok = pcall(climb)
  if ok then error("climbed") end
end
