-- Methods called on what they are not for.
-- expect: done
local lull = require "lull"
local sync = lull.sync
local function nothing() end
local things = {lull.future(), lull.current(), sync.lock(), sync.queue(), sync.channel(), sync.event(),
  sync.semaphore(1), sync.condition(), sync.barrier(2), lull.var(1), lull.finally(nothing), {}, 1, "x", nothing,
  coroutine.create(nothing)}
local methods = {}
for _, name in ipairs {"set", "fail", "status", "release", "try_get", "try_recv", "try_put", "close", "clear",
  "notify", "value", "get", "abort", "reset", "locked", "size", "is_set", "cancel", "with", "join", "await",
  "wait", "acquire", "hold", "wait_for", "send", "recv", "items", "put", "task_done", "detach", "on_done",
  "traceback", "result", "error", "notify_all", "try_send", "full", "empty", "try_acquire", "__gc"} do
  for _, thing in ipairs(things) do
    pcall(function() methods[#methods + 1] = thing[name] end)
  end
end
for _, f in ipairs(methods) do
  for _, thing in ipairs(things) do
    if thing ~= things[2] then
      pcall(lull.move_on_after, 0.0001, pcall, f, thing, 1)
      pcall(lull.move_on_after, 0.0001, pcall, f, thing, nothing)
    end
  end
end
