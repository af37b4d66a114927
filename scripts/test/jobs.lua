--- lull.test.jobs: spec files in several processes at a time.
--
-- Each file has a process of its own, with a folder for temporary files of its own.  What the
-- processes print and report is told here file by file, in the order of one process.  At a
-- terminal a bar shows how far they are.
local fs = require "lull.fs"
local lull = require "lull"
local process = require "lull.process"
local report = require "lull.test.report"
local screen = require "lull.term.screen"
local suite = require "lull.test.suite"
local term = require "lull.term"

local jobs = {}

local LARGEST <const> = 256 << 20 -- bytes that one may print

--- The options of the process for a file.
local function options_for(file, opts, folder, seed)
  local own <const> = {}
  for name, value in pairs(opts) do own[name] = value end
  own.paths, own.rounds, own.jobs, own.watch = { file }, 1, nil, false
  own.report, own.seed = folder .. "/report", seed
  return own
end

--- Run one file; returns what is known of it.
---@async
local function run_file(file, opts, seed)
  local folder <close> = fs.temp_dir()
  fs.mkdir(folder.path .. "/tmp")
  fs.chmod(folder.path, 457)           -- rwx--x--x: servers that tests start as other users
  fs.chmod(folder.path .. "/tmp", 1023) -- rwxrwxrwt: as /tmp is
  report.save(folder.path .. "/options", options_for(file, opts, folder.path, seed))
  local argv <const> = { jobs.program(), "test", "--as-job=" .. folder.path .. "/options" }
  local result <const> = process.run(argv, {
    env = {
      inherit = true,
      TMPDIR = folder.path .. "/tmp",
      LULL_WATCH = os.getenv "LULL_WATCH_JOBS" or nil, -- lull.test.watch waits for what it loads
    },
    max_output = LARGEST,
  })
  return { result = result, saved = report.load(folder.path .. "/report") }
end

--- The program that runs this.
---@return string
function jobs.program()
  local known <const>, target <const> = pcall(fs.readlink, "/proc/self/exe")
  return known and target or "lull"
end

--- What a process was that did not come to its end.
local function ending_of(result)
  if result.signal then return "was ended by signal " .. result.signal end
  return ("ended with code %s and no report"):format(result.code)
end

--- Tell what happened in a file.
local function tell(busted, file, found)
  io.write(found.result.stdout)
  io.flush()
  if found.result.stderr ~= "" then screen.write_error(found.result.stderr) end
  if found.saved then
    report.replay(busted, found.saved)
  else
    busted.publish({ "error", "file" }, { descriptor = "file", name = file },
      busted.context.get(), "the process of this file " .. ending_of(found.result), {})
  end
end

--- Run all files once; what they covered goes into `counts`.
---@async
local function run_round(busted, files, opts, counts, bar)
  local found <const>, told = {}, 0
  local function tell_next()
    while found[told + 1] and not busted.skipAll do
      told = told + 1
      local each <const> = found[told]
      found[told] = true
      tell(busted, files[told], each)
      if each.saved and each.saved.counts then
        require "lull.test.coverage".merge(counts, each.saved.counts)
      end
    end
  end
  local next_file = 0
  lull.group(function(group)
    for _ = 1, math.min(opts.jobs, #files) do
      group:spawn(function()
        while next_file < #files and not busted.skipAll do
          next_file = next_file + 1
          local mine <const> = next_file
          found[mine] = run_file(files[mine], opts, busted.randomseed)
          bar:advance()
          tell_next()
        end
      end)
    end
  end)
end

--- Run the specs in processes.
---@async
---@param opts lull.test.Options
---@return table count
---@return nil
---@return lull.test.Counts? covered
function jobs.run(opts)
  local busted <const>, count <const> = suite.new(opts)
  local bar <close> = term.progress { label = "spec files", keep = false }
  suite.load_output(busted, opts) -- after the bar, which has put another io.write there
  local root <const>, counts <const> = busted.context.get(), {}
  for round = 1, opts.rounds do
    if round > 1 then
      busted.safe_publish("suite", { "suite", "reset" }, root, round, opts.rounds)
    end
    busted.safe_publish("suite", { "suite", "start" }, root, round, opts.rounds,
      opts.shuffle_tests and opts.seed or nil)
    local files <const> = suite.find_specs(busted, opts)
    bar:set_total(#files * opts.rounds)
    run_round(busted, files, opts, counts, bar)
    if round == opts.rounds or busted.skipAll then bar:finish() end
    busted.safe_publish("suite", { "suite", "end" }, root, round, opts.rounds)
    if busted.skipAll then break end
  end
  busted.publish { "exit" }
  return count, nil, opts.coverage and counts or nil
end

return jobs
