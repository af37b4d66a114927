--- lull.http.log: a line for every response.
local check = require "lull.check"

local log = {}

local MONTHS <const> = {
  "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
}

--- What a client says could end the line, the field, or act on a terminal: it is escaped.
local function escape(text)
  return (tostring(text):gsub('[%c"\\\127-\255]', function(char)
    return ("\\x%02X"):format(char:byte())
  end))
end

local function clock(time)
  local t <const> = os.date("!*t", time)
  local form <const> = "%02d/%s/%04d:%02d:%02d:%02d +0000"
  return form:format(t.day, MONTHS[t.month], t.year, t.hour, t.min, t.sec)
end

--- A header of the request, or a dash.
local function header(entry, name)
  local value <const> = entry.request and entry.request.headers[name]
  return value and value ~= "" and escape(value) or "-"
end

--- A field without blanks, or a dash.
local function word(value)
  return value and value ~= "" and (escape(value):gsub(" ", "\\x20")) or "-"
end

--- The request line; a dash where what came was no request.
local function request_line(entry)
  local req <const> = entry.request
  if not req then return "-" end
  return ("%s %s HTTP/%s"):format(escape(entry.method), escape(entry.target), req.version or "1.1")
end

--- The Common Log Format; the user is what middleware has put into `req.user`.
local function common(entry, time)
  local req <const> = entry.request
  local user <const> = req and type(req.user) == "string" and req.user
  return ('%s - %s [%s] "%s" %d %s'):format(word(req and req.peer or entry.peer), word(user),
    clock(time), request_line(entry), entry.status or 0, entry.bytes or "-")
end

local function combined(entry, time)
  local referer <const>, agent <const> = header(entry, "referer"), header(entry, "user-agent")
  return ('%s "%s" "%s"'):format(common(entry, time), referer, agent)
end

local function json_escape(char)
  return ("\\u%04x"):format(char:byte())
end

--- A text in JSON; bytes above 127 stand for themselves as characters, so any target is valid.
local function quoted(value)
  if value == nil then return "null" end
  return '"' .. tostring(value):gsub('[%c"\\\127-\255]', json_escape) .. '"'
end

local function json(entry, time)
  local req <const> = entry.request or { peer = entry.peer, headers = {} }
  local form <const> = '{"time":%d,"peer":%s,"method":%s,"target":%s,"status":%d,"bytes":%d,'
    .. '"seconds":%.6f,"id":%s,"agent":%s}'
  return form:format(
    time, quoted(req.peer), quoted(entry.method), quoted(entry.target), entry.status or 0,
    entry.bytes or 0, entry.seconds or 0, quoted(req.id), quoted(req.headers["user-agent"]))
end

local FORMATS <const> = { common = common, combined = combined, json = json }

local function to_stderr(line)
  io.stderr:write(line, "\n")
end

--- What `http.serve` takes as `access_log`.
---@param format? "common"|"combined"|"json"|fun(entry: lull.http.LogEntry, time: integer): string
---@param sink? fun(line: string)  stderr; it may not fail
---@return fun(entry: lull.http.LogEntry)
function log.new(format, sink)
  format = format == nil and "combined" or format
  local write <const> = FORMATS[format] or format
  if type(write) ~= "function" then
    check.fail(1, "log", 'a format is "common", "combined", "json" or a function')
  end
  if sink ~= nil then check.callable(sink, 2, "log") end
  sink = sink or to_stderr
  return function(entry) sink(write(entry, os.time())) end
end

return log
