--- lull.lint: `lull check`, which looks for mistakes in scripts.
--
-- Lua says what is no Lua; luacheck finds what is unused or undefined; lull.lint.calls holds calls
-- of lull's functions against the reference.  Many files are looked at on all processors.
local files = require "lull.lint.files"
local luacheck = require "lull.lint.luacheck"
local lull = require "lull"
local options = require "lull.lint.options"
local settings = require "lull.lint.settings"
local show = require "lull.lint.show"
local source = require "lull.lint.source"
local term = require "lull.term"
local worker = require "lull.worker"

local lint = {}

local ALONE <const> = 8 -- so many files are looked at before other threads would have begun
local AT_ONCE <const> = 256 -- so many are handed out; the workers take one at a time
local SHOWN <const> = 100 -- from so many on a bar is shown

---@class lull.lint.Finding
---@field file string
---@field line integer
---@field column integer
---@field end_column integer
---@field code string      of luacheck, or one from 901 on
---@field severity "error"|"warning"
---@field message string

--- What may be said about each file, before anything is left out.
local function look(paths, text)
  if text then return { source.try(text, paths[1]) } end
  if #paths > ALONE then
    local pool <close> = worker.pool()
    local bar <close> = #paths >= SHOWN
      and term.progress { label = "checking", total = #paths, unit = "files", keep = false } or nil
    return lull.map(paths, function(path)
      local report <const> = pool:call(source.check_file, path)
      if bar then bar:advance() end
      return report
    end, { limit = AT_ONCE })
  end
  local reports <const> = {}
  for i, path in ipairs(paths) do reports[i] = source.check_file(path) end
  return reports
end

--- Findings of one file.
local function add_findings(found, module, path, report)
  for _, each in ipairs(report) do
    found[#found + 1] = {
      file = path, line = each.line, column = each.column or 1,
      end_column = each.end_column or each.column or 1, code = each.code,
      severity = each.code:sub(1, 1) == "0" and "error" or "warning",
      message = module and module.get_message(each) or each.msg,
    }
  end
end

--- Look at scripts.
---@async
---@param opts lull.lint.Options
---@return lull.lint.Finding[]? findings  nil: the settings make no sense
---@return string|string[] problems       why; or what could not be read
---@return integer? count                 of files
function lint.run(opts)
  local module <const> = luacheck.open()
  local rules, why
  if module then
    rules, why = settings.load(opts)
    if not rules then return nil, why end
  end
  local paths, problems = { opts.filename or "stdin" }, {}
  if not opts.text then paths, problems = files.collect(opts.paths) end
  if rules then paths = rules:included(paths) end
  local reports = look(paths, opts.text)
  for i, report in ipairs(reports) do
    if report.fatal then
      problems[#problems + 1] = report.msg
      reports[i] = { fatal = report.fatal }
    end
  end
  reports = rules and rules:filter(reports, paths) or reports
  local findings <const> = {}
  for i, path in ipairs(paths) do
    if not reports[i].fatal then
      add_findings(findings, module, path, module and reports[i] or reports[i].warnings)
    end
  end
  return findings, problems, #paths
end

local function complain(message)
  io.stderr:write("lull check: ", message, "\n")
end

--- The command.  Ends the program with 1 when something was found, and with 2 when something
--- could not be looked at.
---@async
---@param ... string  its arguments
function lint.main(...)
  local opts <const>, wrong <const> = options.parse { ... }
  if not opts then
    complain(wrong)
    os.exit(2)
  elseif opts.help then
    io.stdout:write(options.usage)
    return
  end
  if opts.stdin then opts.text = io.read "a" end
  local module <const>, problem <const> = luacheck.open()
  if problem then complain(problem .. (module and "" or "; only the syntax is checked")) end
  local findings <const>, problems <const>, count <const> = lint.run(opts)
  if not findings then
    complain(problems)
    os.exit(2)
  end
  for _, each in ipairs(problems) do complain(each) end
  io.stdout:write(opts.format == "json" and show.json(findings) or show.text(findings, count, opts.quiet))
  if #problems > 0 then os.exit(2) end
  if #findings > 0 then os.exit(1) end
end

return lint
