--- N coroutines that each wait for a luv timer of SECONDS, all at the same time.
local uv = require "luv"

local n <const>, seconds <const> = math.tointeger(arg[1]), tonumber(arg[2])

local function peak_kib()
  for line in io.lines("/proc/self/status") do
    local kib <const> = line:match("^VmHWM:%s*(%d+)")
    if kib then
      return tonumber(kib)
    end
  end
end

local function sleep(delay)
  local timer <const> = uv.new_timer()
  local co <const> = coroutine.running()
  timer:start(delay * 1000 // 1 | 0, 0, function()
    timer:close()
    assert(coroutine.resume(co))
  end)
  coroutine.yield()
end

local function measure(count, delay)
  local started, began, start_time, early = 0, uv.hrtime(), nil, false
  local function sleeper()
    started = started + 1
    if started == count then
      start_time = (uv.hrtime() - began) / 1e9
    end
    uv.update_time()
    sleep(delay)
    early = early or started < count
  end
  for _ = 1, count do
    assert(coroutine.resume(coroutine.create(sleeper)))
  end
  uv.run()
  return start_time, early
end

measure(1000, 0.01)
local kib <const>, cpu <const> = peak_kib(), os.clock()
local start_time <const>, early <const> = measure(n, seconds)
print(("ns=%.1f rss=%.1f start=%.3f early=%d"):format(
  (os.clock() - cpu) / n * 1e9, (peak_kib() - kib) * 1024 / n, start_time, early and 1 or 0))
