--- lull.log.sink: where lines go.
--
-- A sink is a table with `write(record)`, which may raise, and perhaps a `level` of its own.
-- One that fails is reported once, to the host or standard error, and asked again next time.
local color = require "lull.term.color"
local core = require "lull.core"
local line = require "lull.log.line"
local lull = require "lull"
local screen = require "lull.term.screen"

local sink = {}

---@class lull.log.Sink
---@field private write fun(record: lull.log.Record)
---@field private level integer
---@field private failed? boolean

local FORMATS <const> = { text = line.text, json = line.json }

--- The host's levels.
local HOST_LEVELS <const> = { trace = 0, debug = 0, info = 1, warn = 2, error = 3 }

--- How the levels look on a terminal.
local STYLES <const> = { trace = { "2", "22" }, debug = { "2", "22" }, info = { "32", "39" },
  warn = { "33", "39" }, error = { "31", "39" } }

--- The function of a format.
---@param format? "text"|"json"|fun(record: lull.log.Record): string
---@return fun(record: lull.log.Record): string
function sink.format(format)
  return FORMATS[format or "text"] or format
end

--- A line of a format of the script's, which may be anything.
---@param format fun(record: lull.log.Record): string
---@param record lull.log.Record
---@return string
function sink.line_of(format, record)
  local text <const> = format(record)
  if type(text) ~= "string" then error("the format returned no string", 0) end
  return text
end

--- A readable line with its level in colour.
local function colored(record)
  local style <const> = STYLES[record.level]
  local level <const> = color.wrap(("%-5s"):format(record.level:upper()), style[1], style[2])
  return ("%s %s %s"):format(record.stamp, level, line.body(record))
end

--- The host's log function where there is one, else standard error.
---@param format? "text"|"json"|fun(record: lull.log.Record): string
---@return fun(record: lull.log.Record)
function sink.standard(format)
  local _, has_log <const> = core.outlets()
  if has_log then
    local to_text <const> = format and sink.format(format) or line.body
    return function(record)
      local text <const> = sink.line_of(to_text, record):gsub("%z", "\\x00")
      core.log(HOST_LEVELS[record.level], text)
    end
  end
  local to_text = format and sink.format(format)
  return function(record)
    to_text = to_text or color.detect(2) > 0 and colored or line.text
    screen.write_error(sink.line_of(to_text, record) .. "\n")
  end
end

--- A file, appended to, a line in one write.  Raises `io`.
---@param path string
---@param format? "text"|"json"|fun(record: lull.log.Record): string
---@return fun(record: lull.log.Record)
function sink.file(path, format)
  local file <const>, message <const>, code <const> = io.open(path, "a")
  if not file then
    local name <const> = code and core.errno_name(code)
    error(lull.new_error("io", message, { op = "log.file", code = name }), 0)
  end
  file:setvbuf "no"
  local to_text <const> = sink.format(format)
  return function(record)
    local ok <const>, why <const> = file:write(sink.line_of(to_text, record) .. "\n")
    if not ok then error(why, 0) end
  end
end

--- Say that something of the log does not work.
local function complain(text)
  local record <const> = { message = text, fields = {} }
  local said <const> = line.body(record)
  if not core.log(HOST_LEVELS.error, said) then pcall(screen.write_error, said .. "\n") end
end

--- Give a record to every sink whose level it has.
---@param sinks lull.log.Sink[]
---@param record lull.log.Record
---@param level integer
function sink.deliver(sinks, record, level)
  for _, each in ipairs(sinks) do
    if level >= each.level then
      local ok <const>, err <const> = pcall(each.write, record)
      if not ok and not each.failed then
        each.failed = true
        local _, text <const> = pcall(tostring, err)
        complain("lull.log: a sink has failed: " .. tostring(text))
      end
    end
  end
end

return sink
