--- What examples/log_progress.lua writes where there is no terminal.

local run <const> = require("program").run

local STAMP <const> = "%d+%-%d+%-%d+T%d+:%d+:%d+%.%d%d%dZ"

--- The lines that must be there.
local text_lines <const> = {
  STAMP .. ' WARN  job%.db: slow query job=5 seconds=0%.04 statement="select 1"',
  STAMP .. ' ERROR job failed error="io: the disk is full %(ENOSPC%)" job=14 traceback=".*"',
  STAMP .. " INFO  all jobs are over failed=2 good=18",
  "jobs: 100%% 20/20 in %d+%.%d s",
  "failed      2  14 %(ENOSPC%), 7 %(ENOSPC%)",
}

local json_line <const> = '{"time":"' .. STAMP
  .. '","level":"info","message":"all jobs are over","failed":1,"good":6}'

--- Run it, as text and as JSON.
return function(lull, expect_code, expect_line)
  local what <const> = "log_progress"
  local output <const>, code <const> = run(lull, "examples/log_progress.lua")
  expect_code(what, code, 0, output)
  for _, line in ipairs(text_lines) do expect_line(what, output, line) end
  expect_line(what, (run(lull, "examples/log_progress.lua", "7", "json")), json_line)
end
