--- lull.http.body: reading a body as one reads a stream.
local lull = require "lull"

local body = {}

local MAX_LINE <const> = 1024 * 1024

--- Bytes that come in pieces.
---@class lull.http.Body
---@field private source fun(max?: integer): string?  brings the next piece
---@field private rest string    what came and was not asked for yet...
---@field private at integer     ...from here on
---@field private ended boolean
---@field private max_all integer
local Body <const> = {}
Body.__index = Body

--- A body over what brings it.
---@param source fun(max?: integer): string?  nil: the end
---@param max_all integer  bytes of read("a")
---@return lull.http.Body
function body.new(source, max_all)
  return setmetatable({ source = source, rest = "", at = 1, ended = false, max_all = max_all }, Body)
end

local function raise_limit(what, limit)
  error(lull.new_error("limit", ("%s is longer than %d bytes"):format(what, limit), { op = "http.read" }), 0)
end

--- Take what there is up to `last`, or all of it.
local function take(self, last)
  local piece
  if self.at == 1 and (not last or last >= #self.rest) then
    piece, self.rest = self.rest, ""
  else
    piece = self.rest:sub(self.at, last)
    self.at = self.at + #piece
    if self.at > #self.rest then self.rest, self.at = "", 1 end
  end
  return piece
end

local function has(self)
  return #self.rest - self.at + 1
end

--- What is there, at least one byte; nil at the end.
---@async
---@param max? integer
---@return string?
function Body:read_some(max)
  if has(self) > 0 then return take(self, max and self.at + max - 1) end
  if self.ended then return nil end
  local piece <const> = self.source(max)
  self.ended = piece == nil
  return piece
end

--- Give pieces back: what a read that failed had taken.
local function put_back(self, pieces)
  pieces[#pieces + 1] = take(self)
  self.rest, self.at = table.concat(pieces), 1
end

--- Up to and with a separator, or to the end; then whether it is there.  What a read that
--- raises had taken is there for the next one.
local function read_to(self, separator, limit, what)
  local pieces <const>, size = {}, 0
  local _ <close> = setmetatable({}, { __close = function(_, err)
    if err ~= nil then put_back(self, pieces) end
  end })
  while true do
    local overlap <const> = pieces[1] and #separator - 1 or 0
    if overlap > 0 then -- a separator may lie across two pieces
      self.rest = table.remove(pieces) .. take(self)
      self.at, size = 1, 0
      for _, piece in ipairs(pieces) do size = size + #piece end
    end
    local _, last <const> = self.rest:find(separator, self.at, true)
    local length <const> = (last or #self.rest) - self.at + 1
    if size + length > limit then raise_limit(what, limit) end
    if length > 0 then pieces[#pieces + 1] = take(self, last) end
    size = size + length
    if last then return table.concat(pieces), true end
    local piece <const> = not self.ended and self.source()
    if not piece then
      self.ended = true
      return table.concat(pieces), false
    end
    self.rest, self.at = piece, 1
  end
end

local function read_line(self, keep)
  local newline <const> = self.rest:find("\n", self.at, true)
  if newline and newline - self.at < MAX_LINE then
    local whole <const> = take(self, newline)
    return keep and whole or whole:sub(1, -2)
  end
  local line <const>, whole <const> = read_to(self, "\n", MAX_LINE, "the line")
  if line == "" and not whole then return nil end
  return whole and not keep and line:sub(1, -2) or line
end

local function read_all(self)
  local all <const> = self.max_all
  local pieces <const>, size = {}, 0
  for piece in function() return self:read_some() end do
    pieces[#pieces + 1] = piece
    size = size + #piece
    if size > all then
      put_back(self, pieces)
      raise_limit("the rest of the body", all)
    end
  end
  return table.concat(pieces)
end

local function read_count(self, count)
  if count == 0 then return (has(self) > 0 or self:fill()) and "" or nil end
  local pieces <const>, size = {}, 0
  while size < count do
    local piece <const> = self:read_some(count - size)
    if not piece then break end
    pieces[#pieces + 1] = piece
    size = size + #piece
  end
  return size > 0 and table.concat(pieces) or nil
end

--- Have at least one byte; false at the end.
---@async
---@private
function Body:fill()
  if has(self) > 0 then return true end
  local piece <const> = self:read_some()
  if piece then self.rest, self.at = piece, 1 end
  return piece ~= nil
end

local formats <const> = {
  l = function(self) return read_line(self, false) end,
  L = function(self) return read_line(self, true) end,
  a = read_all,
}

local function reader_of(format)
  if math.type(format) == "integer" and format >= 0 then return read_count end
  return type(format) == "string" and formats[format:gsub("^%*", ""):sub(1, 1)] or nil
end

--- Is this a format of read?
---@param format any
---@return boolean
function body.is_format(format)
  return reader_of(format) ~= nil
end

--- As io.read: "l", "L", "a" and numbers of bytes.
---@async
---@param format? string|integer
---@param ... string|integer
---@return string? ...
function Body:read(format, ...)
  format = format or "l"
  local result <const> = reader_of(format)(self, format)
  if select("#", ...) == 0 or result == nil then return result end
  return result, self:read(...)
end

--- Exactly so many bytes; nil at the end.  Raises `eof` with `partial`.
---@async
---@param count integer
---@return string?
function Body:read_exact(count)
  local bytes <const> = read_count(self, count)
  if not bytes or #bytes == count then return bytes end
  local e <const> = lull.new_error("eof", ("the body ended after %d of the bytes asked for"):format(#bytes),
    { op = "http.read" })
  e.partial = bytes
  error(e, 0)
end

--- Up to and with a separator; nil at the end.  Raises `limit`, and `eof` with `partial`.
---@async
---@param separator string
---@param limit? integer  1 MiB
---@return string?
function Body:read_until(separator, limit)
  local bytes <const>, whole <const> =
    read_to(self, separator, limit or MAX_LINE, "what precedes the separator")
  if whole then return bytes end
  if bytes == "" then return nil end
  local e <const> = lull.new_error("eof", "the body ended before the separator", { op = "http.read" })
  e.partial = bytes
  error(e, 0)
end

return body
