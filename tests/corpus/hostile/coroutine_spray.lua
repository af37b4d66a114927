-- A million suspended coroutines.
-- expect: failed|limit
local all = {}
while true do
  local co = coroutine.wrap(function() coroutine.yield() end)
  co()
  all[#all + 1] = co
end
