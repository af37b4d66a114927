--- lull.http.events: server-sent events, as the HTML standard parses them (9.2.6).
local lull = require "lull"

local events = {}

local MAX_EVENT <const> = 16 * 1024 * 1024 -- bytes of one event, and of one line

--- One event.
---@class lull.http.Event
---@field data string
---@field event string  its type; "message" when none is named
---@field id string     the last one that the server named, "" at first
---@field retry? integer  milliseconds: how long to wait before asking again, if it was said since
---  the event before

--- What is known between two lines.
---@class lull.http.EventParser
local Parser <const> = {}
Parser.__index = Parser

---@return lull.http.EventParser
function events.parser()
  return setmetatable({ id = "", lines = {}, size = 0, first = true }, Parser)
end

--- A field of the event that comes.
local function add_field(self, name, value)
  if name == "data" then
    self.lines[#self.lines + 1] = value
    self.size = self.size + #value + 1
  elseif name == "event" then
    self.type = value
  elseif name == "id" then
    if not value:find("\0", 1, true) then self.id = value end
  elseif name == "retry" then
    if value:find("^%d+$") then self.retry = math.tointeger(tonumber(value)) end
  end
end

--- An empty line: the event is complete, unless there is no data in it.
local function dispatch(self)
  local lines <const>, kind <const> = self.lines, self.type
  self.type = nil
  if not lines[1] then return nil end
  local event <const> = {
    data = table.concat(lines, "\n"),
    event = kind and kind ~= "" and kind or "message",
    id = self.id,
    retry = self.retry,
  }
  self.lines, self.size, self.retry = {}, 0, nil
  return event
end

--- Take one line, without its end.  Returns the event that it completes.
---@param line string
---@return lull.http.Event?
function Parser:line(line)
  if self.first then
    self.first = false
    line = line:gsub("^\xEF\xBB\xBF", "")
  end
  if line == "" then return dispatch(self) end
  local name <const>, value <const> = line:match("^([^:]*): ?(.*)$")
  if name ~= "" then add_field(self, name or line, value or "") end
  if self.size > MAX_EVENT then
    error(lull.new_error("limit", ("an event is longer than %d bytes"):format(MAX_EVENT),
      { op = "http.read" }), 0)
  end
end

--- Lines of pieces: they end with CR, LF or both, and a pair may lie across two pieces.
---@param source fun(): string?
---@return fun(): string?
local function lines_of(source)
  local rest, at = "", 1
  local after_cr = false
  return function()
    local parts <const>, size = {}, 0
    while true do
      if after_cr and at <= #rest then
        if rest:byte(at) == 10 then at = at + 1 end
        after_cr = false
      end
      local stop <const> = rest:find("[\r\n]", at)
      if stop then
        parts[#parts + 1] = rest:sub(at, stop - 1)
        after_cr = rest:byte(stop) == 13
        at = stop + 1
        return table.concat(parts)
      end
      parts[#parts + 1] = rest:sub(at)
      size = size + #rest - at + 1
      if size > MAX_EVENT then
        error(lull.new_error("limit", ("a line is longer than %d bytes"):format(MAX_EVENT),
          { op = "http.read" }), 0)
      end
      rest, at = source(), 1
      if not rest then return nil end -- what no line end follows is dropped
    end
  end
end

--- The events in pieces of text.
---@param source fun(): string?
---@return fun(): lull.http.Event?
function events.of(source)
  local parser <const>, next_line <const> = events.parser(), lines_of(source)
  return function()
    for line in next_line do
      local event <const> = parser:line(line)
      if event then return event end
    end
  end
end

return events
