-- Closes itself, the running ones and those above.
-- expect: done
local co
co = coroutine.create(function()
  assert(not pcall(coroutine.close, co))
  local inner = coroutine.create(function() assert(not pcall(coroutine.close, co)) end)
  assert(coroutine.resume(inner))
end)
assert(coroutine.resume(co))
coroutine.close(co)
