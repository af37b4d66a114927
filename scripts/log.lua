--- lull.log: lines about what a program does.
--
-- A call whose level is off compares two numbers and returns.  Otherwise a record is made, of
-- the message, the fields and those of the task (a lull.var), and given to every sink.
-- scripts/types/log.lua says what every function does.
local check = require "lull.check"
local core = require "lull.core"
local lull = require "lull"
local sink = require "lull.log.sink"

local log = {}

local LEVELS <const> = { trace = 1, debug = 2, info = 3, warn = 4, error = 5, off = 6 }

local context <const> = lull.var()       -- the fields of a task
local inside <const> = lull.var(false)   -- is it writing a line already?
local inside_none = false                -- the same outside of tasks

local thresholds <const> = { [""] = LEVELS.info } -- those that were set, by name
local loggers <const> = setmetatable({}, { __mode = "v" }) ---@type table<string, lull.log.Logger>
local known <const> = setmetatable({}, { __mode = "k" }) -- the loggers: cheaper than their metatable
local sinks = {} ---@type lull.log.Sink[]

---@class lull.log.Logger
---@field name? string
---@field private _threshold integer
local Logger <const> = {}
Logger.__index = Logger
Logger.__name = "lull.log.Logger"

-- ---- levels ----

local function check_level(level, argument, name)
  check.type(level, argument, name, "string")
  if not LEVELS[level] then
    check.fail(argument, name, ("no level '%s': trace, debug, info, warn, error or off"):format(level))
  end
end

--- The threshold for a name: its own, or that of the nearest one above it, "a" above "a.b".
local function threshold_of(name)
  while name ~= "" do
    if thresholds[name] then return thresholds[name] end
    name = name:match "^(.*)%.[^.]*$" or ""
  end
  return thresholds[""]
end

--- Set the least level that is logged; "info" at first.  "off": nothing.
---@param level? lull.log.Level  nil, with a name: as those above it
---@param name? string  of loggers, and those below it; all that have none of their own
function log.set_level(level, name)
  check.type(name, 2, "set_level", "string", true)
  if level ~= nil or not name then check_level(level, 1, "set_level") end
  thresholds[name or ""] = LEVELS[level]
  for key, logger in pairs(loggers) do logger._threshold = threshold_of(key) end
end

--- The name of a level by its number.
local function level_name(number)
  for name, value in pairs(LEVELS) do
    if value == number then return name end
  end
end

--- The least level that is logged.
---@param name? string  of a logger
---@return lull.log.Level
function log.level(name)
  check.type(name, 1, "level", "string", true)
  return level_name(threshold_of(name or ""))
end

-- ---- records ----

local stamped_second, stamp = -1, ""

--- The time as text, UTC, with milliseconds.
local function stamp_of(second, nanoseconds)
  if second ~= stamped_second then
    stamped_second, stamp = second, os.date("!%Y-%m-%dT%H:%M:%S", second)
  end
  return ("%s.%03dZ"):format(stamp, nanoseconds // 1000000)
end

--- Call a function that stands for what it returns.
local function evaluate(fn)
  local ok <const>, first <const>, second <const> = pcall(fn)
  if ok then return first, second end
  local _, text <const> = pcall(tostring, first)
  return ("(raised: %s)"):format(text)
end

--- The fields of the task with those of the line over them, functions called.
local function merge(fields)
  local merged <const> = {}
  for key, value in next, context:get() or {} do merged[key] = value end
  if type(fields) == "function" then fields = evaluate(fields) end
  if type(fields) == "table" then
    for key, value in next, fields do merged[key] = value end
  elseif fields ~= nil then
    merged.value = fields
  end
  for key, value in next, merged do
    if type(value) == "function" then
      local result <const> = evaluate(value)
      merged[key] = result == nil and "nil" or result
    end
  end
  return merged
end

--- Make the record and give it away.
local function emit(level, name, message, fields)
  if type(message) == "function" then
    local text <const>, more <const> = evaluate(message)
    message = text
    if fields == nil then fields = more end
  end
  if type(message) ~= "string" then
    local ok <const>, text <const> = pcall(tostring, message)
    message = ok and text or "(a message that cannot be shown)"
  end
  local second <const>, nanoseconds <const> = core.realtime()
  sink.deliver(sinks, { time = second + nanoseconds / 1e9, stamp = stamp_of(second, nanoseconds),
    level = level, name = name, message = message, fields = merge(fields) }, LEVELS[level])
end

--- Log a line that was not filtered out; none while this task writes one already.
local function write(level, name, message, fields)
  if lull.current() then
    if inside:get() then return end
    inside:with(true, emit, level, name, message, fields)
  elseif not inside_none then
    inside_none = true
    local ok <const>, err <const> = pcall(emit, level, name, message, fields)
    inside_none = false
    if not ok then error(err, 0) end
  end
end

-- ---- loggers ----

local levels <const> = { "trace", "debug", "info", "warn", "error" }

-- What a logger has for each level: (message, fields?), both of them perhaps functions that give
-- them and are called only when the line is logged.
for number, level in ipairs(levels) do
  Logger[level] = function(self, message, fields)
    if not known[self] then check.self(self, Logger, level) end
    if number >= self._threshold then write(level, self.name, message, fields) end
  end
end

--- Would a line of this level be logged?
---@param level lull.log.Level
---@return boolean
function Logger:enabled(level)
  check.self(self, Logger, "enabled")
  check_level(level, 1, "enabled")
  return LEVELS[level] >= self._threshold
end

--- A logger, always the same for a name.  "app.db" has the threshold of "app", unless it was
--- given one of its own.
---@param name string
---@return lull.log.Logger
function log.logger(name)
  check.type(name, 1, "logger", "string")
  local logger = loggers[name]
  if not logger then
    logger = setmetatable({ name = name ~= "" and name or nil, _threshold = threshold_of(name) }, Logger)
    loggers[name], known[logger] = logger, true
  end
  return logger
end

local root <const> = log.logger ""

for number, level in ipairs(levels) do
  log[level] = function(message, fields)
    if number >= root._threshold then write(level, nil, message, fields) end
  end
end

--- Would a line of this level be logged?
---@param level lull.log.Level
---@return boolean
function log.enabled(level)
  check_level(level, 1, "enabled")
  return root:enabled(level)
end

-- ---- errors ----

--- The error and where it was raised, as it passes by.
local function traced(err)
  return { error = err, traceback = debug.traceback(nil, 2) }
end

--- Log what a call has raised.
local function tried(logger, message, ok, ...)
  if ok then return true, ... end
  local caught <const> = ...
  logger:error(message, caught)
  return false, caught.error
end

local function try(logger, message, fn, ...)
  check.callable(fn, 2, "try")
  return tried(logger, message, xpcall(fn, traced, ...))
end

--- Call a function; what it raises is logged as an error, as `log.try` does.
---@async
---@param message string
---@param fn async fun(...: any): ...
---@param ... any  arguments of `fn`
---@return boolean ok
---@return any ... # the results of `fn`, or what it raised
function Logger:try(message, fn, ...)
  check.self(self, Logger, "try")
  return try(self, message, fn, ...)
end

--- Call a function; what it raises is logged as an error, with the fields `error` and `traceback`.
---@async
---@param message string
---@param fn async fun(...: any): ...
---@param ... any  arguments of `fn`
---@return boolean ok
---@return any ... # the results of `fn`, or what it raised
function log.try(message, fn, ...)
  return try(root, message, fn, ...)
end

-- ---- the fields of a task ----

--- Run `fn(...)` with more fields in every line that it and the tasks it starts log.  Raises
--- `usage` outside a task.
---@async
---@generic T
---@param fields table
---@param fn async fun(...: any): T
---@param ... any  arguments of `fn`
---@return T # all results of `fn`
---@return any ...
function log.with(fields, fn, ...)
  check.type(fields, 1, "with", "table")
  check.callable(fn, 2, "with")
  local merged <const> = log.context()
  for key, value in next, fields do merged[key] = value end
  return context:with(merged, fn, ...)
end

--- The fields that lines of this task have, as a new table.
---@return table
function log.context()
  local fields <const> = {}
  for key, value in next, context:get() or {} do fields[key] = value end
  return fields
end

-- ---- sinks ----

local SINK_OPTIONS <const> = { format = "string|callable", level = "string" }

local Sink <const> = { __name = "lull.log.sink" }

--- A sink of what writes, with the options that are for every sort.
local function make(name, argument, opts, write_record)
  local level <const> = opts and opts.level
  if level ~= nil then check_level(level, argument, name) end
  return setmetatable({ write = write_record, level = LEVELS[level or "trace"] }, Sink)
end

local function check_options(opts, argument, name)
  check.options(opts, argument, name, SINK_OPTIONS)
  local format <const> = opts and opts.format
  if type(format) == "string" and format ~= "text" and format ~= "json" then
    check.fail(argument, name, 'format must be "text", "json" or a function')
  end
  return format
end

--- The host's log function if it has one, which gets a line without time and level, else standard
--- error, with colours on a terminal.
---@param opts? lull.log.SinkOptions
---@return lull.log.Sink
function log.standard(opts)
  return make("standard", 1, opts, sink.standard(check_options(opts, 1, "standard")))
end

--- A file, to whose end lines are written.  Raises `io`, `permission`.
---@param path string
---@param opts? lull.log.SinkOptions
---@return lull.log.Sink
function log.file(path, opts)
  check.type(path, 1, "file", "string")
  return make("file", 2, opts, sink.file(path, check_options(opts, 2, "file")))
end

--- A function; it may suspend.
---@param fn async fun(record: lull.log.Record, line: string)
---@param opts? lull.log.SinkOptions
---@return lull.log.Sink
function log.custom(fn, opts)
  check.callable(fn, 1, "custom")
  local format <const> = sink.format(check_options(opts, 2, "custom"))
  return make("custom", 2, opts, function(record) fn(record, sink.line_of(format, record)) end)
end

--- Give lines to these sinks, one after the other, and to no others.  At first: `log.standard()`.
--- One that raises is reported once, to the host's log function or standard error.
---@param ... lull.log.Sink|fun(record: lull.log.Record, line: string)
function log.set_sinks(...)
  local new <const> = table.pack(...)
  for i = 1, new.n do
    if type(new[i]) == "function" then new[i] = log.custom(new[i]) end
    if getmetatable(new[i]) ~= Sink then check.fail(i, "set_sinks", "a sink or a function expected") end
  end
  new.n = nil
  sinks = new
end

log.set_sinks(log.standard())

return log
