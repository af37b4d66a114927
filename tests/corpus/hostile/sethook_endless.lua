-- debug.sethook with a hook that loops, or is there no debug?
-- expect: done|limit
-- delay: 600
if debug and debug.sethook then
  debug.sethook(function() while true do end end, "crl", 1)
end
for _ = 1, 1000 do tostring(1) end
