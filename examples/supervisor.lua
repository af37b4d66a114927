--- supervisor.lua: keeps programs running.
--
--   lull examples/supervisor.lua programs.lua
--
-- The file returns a table of programs, each a list of its name and arguments:
--
--   return { web = { "lull", "serve", "site" }, worker = { "./worker.sh", "--fast" } }
--
-- One that ends is started again: at once, then after a pause that doubles each time, until it
-- has run for a while.  HUP reads the file again: what is new is started, what is gone is stopped,
-- what has changed is started anew.  TERM and Ctrl-C stop all: TERM, and KILL for what is left
-- after a grace.
local log = require "lull.log"
local lull = require "lull"
local process = require "lull.process"
local signal = require "lull.signal"

local FIRST_PAUSE <const>, LAST_PAUSE <const> = 0.1, 30 -- seconds between an end and the next start
local STEADY <const> = 10                               -- seconds after which a start has been good
local GRACE <const> = tonumber(os.getenv "GRACE") or 5  -- seconds between TERM and KILL

local STREAMS <const> = { stdin = "null", stdout = "inherit", stderr = "inherit" }

--- Run a program to its end.  Who is cancelled meanwhile stops it, and waits until it has ended.
local function run(command)
  local child <const> = process.open(command, STREAMS)
  local _ <close> = lull.finally(function()
    child:terminate(GRACE)
    local code <const>, by <const> = child:wait()
    log.info("ended", { pid = child.pid, code = code, signal = by })
  end)
  log.info("started", { pid = child.pid })
  child:wait()
end

--- Run it again and again, until this task is cancelled.
local function keep(command)
  local pause = FIRST_PAUSE
  while true do
    local began <const> = lull.now()
    log.try("cannot start it", run, command)
    if lull.now() - began > STEADY then pause = FIRST_PAUSE end
    log.debug("waiting", { seconds = pause })
    lull.sleep(pause)
    pause = math.min(pause * 2, LAST_PAUSE)
  end
end

local path <const> = arg[1] or error("usage: supervisor.lua programs.lua", 0)
local kept <const> = {} -- by name: the command as text, and the task that keeps it running

--- The programs of the file, and each as one text, by which a change is seen.  Raises for what is
--- no table of lists.
local function read()
  local programs <const>, texts <const> = dofile(path), {}
  for name, command in pairs(programs) do texts[name] = table.concat(command, "\0") end
  return programs, texts
end

--- Have these programs running and no others.
local function apply(group, programs, texts)
  for name, old in pairs(kept) do
    if texts[name] ~= old.text then
      kept[name] = nil
      old.task:cancel()
      old.task:join()
    end
  end
  for name, command in pairs(programs) do
    kept[name] = kept[name] or {
      text = texts[name],
      task = group:spawn(log.with, { program = name }, keep, command),
    }
  end
end

lull.group(function(group)
  apply(group, read())
  for name in signal.listen("TERM", "INT", "HUP") do
    log.info("signal", { name = name })
    if name ~= "HUP" then break end
    local ok <const>, programs <const>, texts <const> = log.try("cannot read " .. path, read)
    if ok then apply(group, programs, texts) end -- else all stays as it is
  end
  group:cancel() -- stops them all at the same time; the group ends when they have
end)
log.info "all are stopped"
