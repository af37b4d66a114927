-- Coroutines that are killed are replaced by others.
-- expect: limit
while true do
  local co = coroutine.create(function() while true do end end)
  coroutine.resume(co)
end
