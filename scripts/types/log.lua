---@meta lull.log
--
-- Definitions for editors: lines about what a program does.
--
-- A line has a time (UTC, milliseconds), a level, perhaps the name of a logger, a message and
-- fields: "2026-01-31T12:00:00.000Z INFO  app.db: connected host=localhost seconds=0.25".  Values
-- that are functions are called, and only when the line is logged.  The fields of the task (see
-- `with`) come with every line; those of the line itself count where both have one.  They are in
-- the order of their names.
--
-- No value makes these functions raise, and a line is one line: control characters, those that
-- turn text around, and bytes that are no UTF-8 are escaped.  Strings are cut after 8 KiB, tables
-- after 64 entries, 5 levels or 8 KiB, the fields of a line after 64 of them or 64 KiB; what is
-- missing is marked by "...".  Cycles are "(cycle)".  What a sink itself logs is dropped.
--
-- A line that is written to standard error or a file is one write, which blocks for as long as
-- the system takes.

---@class lull.log
local log = {}

---@alias lull.log.Level "trace"|"debug"|"info"|"warn"|"error"|"off"

--- What a line is made of.
---@class lull.log.Record
---@field time number    seconds since 1970
---@field stamp string   the same as text
---@field level string
---@field name? string   of the logger
---@field message string
---@field fields table

-- Lines -------------------------------------------------------------------------------------

--- Log what is of interest when nothing else helps.  Suspends where a sink does.
---@param message any      a text; a function is called only when the line is logged, and returns
---  the text and fields
---@param fields? table|fun(): table
function log.trace(message, fields) end

--- Log what is of interest when something is searched for.  Suspends where a sink does.
---@param message any      a text; a function is called only when the line is logged, and returns
---  the text and fields
---@param fields? table|fun(): table
function log.debug(message, fields) end

--- Log what happens.  Suspends where a sink does.
---@param message any      a text; a function is called only when the line is logged, and returns
---  the text and fields
---@param fields? table|fun(): table
function log.info(message, fields) end

--- Log what might be wrong.  Suspends where a sink does.
---@param message any      a text; a function is called only when the line is logged, and returns
---  the text and fields
---@param fields? table|fun(): table
function log.warn(message, fields) end

--- Log what went wrong.  Suspends where a sink does.
---@param message any      a text; a function is called only when the line is logged, and returns
---  the text and fields
---@param fields? table|fun(): table
function log.error(message, fields) end

--- Call a function; what it raises is logged as an error, with the fields `error` and `traceback`.
---@async
---@param message string
---@param fn async fun(...: any): ...
---@param ... any  arguments of `fn`
---@return boolean ok
---@return any ... # the results of `fn`, or what it raised
function log.try(message, fn, ...) end

--- Would a line of this level be logged?
---@param level lull.log.Level
---@return boolean
function log.enabled(level) end

--- A logger, always the same for a name.  "app.db" has the threshold of "app", unless it was
--- given one of its own.
---@param name string
---@return lull.log.Logger
function log.logger(name) end

-- What is logged ------------------------------------------------------------------------------

--- Set the least level that is logged; "info" at first.  "off": nothing.
---@param level? lull.log.Level  nil, with a name: as those above it
---@param name? string  of loggers, and those below it; all that have none of their own
function log.set_level(level, name) end

--- The least level that is logged.
---@param name? string  of a logger
---@return lull.log.Level
function log.level(name) end

--- Run `fn(...)` with more fields in every line that it and the tasks it starts log.  Raises
--- `usage` outside a task.
---@async
---@generic T
---@param fields table
---@param fn async fun(...: any): T
---@param ... any  arguments of `fn`
---@return T # all results of `fn`
---@return any ...
function log.with(fields, fn, ...) end

--- The fields that lines of this task have, as a new table.
---@return table
function log.context() end

-- Where it goes -------------------------------------------------------------------------------

---@class lull.log.SinkOptions
---@field format? "text"|"json"|fun(record: lull.log.Record): string  "text"; JSON is one object a
---  line with `time`, `level`, `logger`, `message` and the fields, of which those that have one of
---  these names get a "_" in front
---@field level? lull.log.Level  the least that this sink is given, of what is logged at all

--- A sink, for `set_sinks`.
---@class lull.log.Sink

--- The host's log function if it has one, which gets a line without time and level, else standard
--- error, with colours on a terminal.
---@param opts? lull.log.SinkOptions
---@return lull.log.Sink
function log.standard(opts) end

--- A file, to whose end lines are written.  Raises `io`, `permission`.
---@param path string
---@param opts? lull.log.SinkOptions
---@return lull.log.Sink
function log.file(path, opts) end

--- A function; it may suspend.
---@param fn async fun(record: lull.log.Record, line: string)
---@param opts? lull.log.SinkOptions
---@return lull.log.Sink
function log.custom(fn, opts) end

--- Give lines to these sinks, one after the other, and to no others.  At first: `log.standard()`.
--- One that raises is reported once, to the host's log function or standard error.
---@param ... lull.log.Sink|fun(record: lull.log.Record, line: string)
function log.set_sinks(...) end

-- Logger ------------------------------------------------------------------------------------

--- A source of lines with a name.
---@class lull.log.Logger
---@field name? string
local Logger = {}

--- Log what is of interest when nothing else helps.
---@param message any      a text; a function is called only when the line is logged, and returns
---  the text and fields
---@param fields? table|fun(): table
function Logger:trace(message, fields) end

--- Log what is of interest when something is searched for.
---@param message any      a text; a function is called only when the line is logged, and returns
---  the text and fields
---@param fields? table|fun(): table
function Logger:debug(message, fields) end

--- Log what happens.
---@param message any      a text; a function is called only when the line is logged, and returns
---  the text and fields
---@param fields? table|fun(): table
function Logger:info(message, fields) end

--- Log what might be wrong.
---@param message any      a text; a function is called only when the line is logged, and returns
---  the text and fields
---@param fields? table|fun(): table
function Logger:warn(message, fields) end

--- Log what went wrong.
---@param message any      a text; a function is called only when the line is logged, and returns
---  the text and fields
---@param fields? table|fun(): table
function Logger:error(message, fields) end

--- Call a function; what it raises is logged as an error, as `log.try` does.
---@async
---@param message string
---@param fn async fun(...: any): ...
---@param ... any  arguments of `fn`
---@return boolean ok
---@return any ... # the results of `fn`, or what it raised
function Logger:try(message, fn, ...) end

--- Would a line of this level be logged?
---@param level lull.log.Level
---@return boolean
function Logger:enabled(level) end

return log
