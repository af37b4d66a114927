-- N fibers that all sleep at the same time for SECONDS.
local fiber = require("fiber")

local n, seconds = tonumber(arg[1]), tonumber(arg[2])

local function peak_kib()
  for line in io.lines("/proc/self/status") do
    local kib = line:match("^VmHWM:%s*(%d+)")
    if kib then
      return tonumber(kib)
    end
  end
end

local function measure(count, delay)
  local started, began, start_time, early = 0, fiber.clock(), nil, false
  local function sleeper()
    started = started + 1
    if started == count then
      start_time = fiber.clock() - began
    end
    fiber.sleep(delay)
    early = early or started < count
  end
  local fibers = {}
  for i = 1, count do
    fibers[i] = fiber.new(sleeper)
    fibers[i]:set_joinable(true)
  end
  for i = 1, count do
    fibers[i]:join()
  end
  return start_time, early
end

measure(1000, 0.01)
local kib, cpu = peak_kib(), os.clock()
local start_time, early = measure(n, seconds)
print(("ns=%.1f rss=%.1f start=%.3f early=%d"):format(
  (os.clock() - cpu) / n * 1e9, (peak_kib() - kib) * 1024 / n, start_time, early and 1 or 0))
os.exit(0)
