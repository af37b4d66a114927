--- log_progress.lua: many jobs at once, with a log, a progress bar and a table at the end.
--
--   lull examples/log_progress.lua            20 jobs
--   lull examples/log_progress.lua 100 json   so many, and the log as JSON
--
-- On a terminal the lines of the log appear above the bar; redirect standard error to a file
-- and there are only lines.  Every line says which job it is of: the field is the task's.
local log = require "lull.log"
local lull = require "lull"
local term = require "lull.term"

local count <const> = math.tointeger(tonumber(arg[1])) or 20
if arg[2] == "json" then log.set_sinks(log.standard { format = "json" }) end

local db <const> = log.logger "job.db"
log.set_level("warn", "job")

--- One job; every fifth is slow, and every seventh fails.
local function work(n)
  db:debug(function() return "not shown, and not even called" end)
  local seconds <const> = 0.02 * (n % 4 + 1)
  lull.sleep(seconds)
  if n % 5 == 0 then db:warn("slow query", { seconds = seconds, statement = "select 1" }) end
  if n % 7 == 0 then error(lull.new_error("io", "the disk is full", { code = "ENOSPC" })) end
end

local good <const>, failed <const> = {}, {}

do
  local bar <close> = term.progress { label = "jobs", total = count }
  local numbers <const> = {}
  for n = 1, count do numbers[n] = n end
  lull.map(numbers, function(n)
    local ok <const>, err <const> = log.with({ job = n }, log.try, "job failed", work, n)
    local list <const> = ok and good or failed
    list[#list + 1] = ok and n or ("%d (%s)"):format(n, err.code)
    bar:advance()
  end, { limit = 5 })
end

log.info("all jobs are over", { good = #good, failed = #failed })
table.sort(failed)
io.write(term.table({
  { term.green "good", #good, "" },
  { term.red "failed", #failed, table.concat(failed, ", ") },
}, { header = { "outcome", "jobs", "which" }, align = { "left", "right" }, wrap = true }))
