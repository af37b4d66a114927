--- lull.http.multipart: the parts of a multipart/form-data body (RFC 2046, RFC 7578), as they come.
---
--- Strict: lines end in CR LF, a delimiter is followed by nothing but blanks, headers have one form
--- only, and a body that ends before its last delimiter is an error.  In memory are one piece of
--- the source and the header of one part.
local check = require "lull.check"
local lull = require "lull"
local params = require "lull.http.params"

local MAX_PARTS <const> = 1000
local MAX_HEADER <const> = 16 * 1024
local MAX_PART <const> = 1024 * 1024 -- that read() takes by default
local BOUNDARY <const> = "^[%w'()+_,./:=? -]+$"

local function refuse(message, status)
  error(lull.new_error("http", message, { status = status or 400, op = "http.form" }), 0)
end

--- The body on its way: what has come and is not yet taken.
---@class lull.http.PartReader
---@field source table       with read_some()
---@field delimiter string   CR LF "--" and the boundary
---@field buffer string
---@field state string       what is at the front of the buffer: see `advance`
---@field part? lull.http.Part  the one whose content is at the front of the buffer
---@field count integer      parts so far
---@field max_parts integer
---@field max_header integer

--- One part.
---@class lull.http.Part
---@field name string
---@field filename? string  the last component of what the client calls it: never trust it
---@field content_type string  "text/plain" when the part has none
---@field headers table<string, string>  by names in lower case
---@field private reader? lull.http.PartReader  nil: its content is over
---@field private skipped? boolean  the next part was asked for before that
local Part <const> = {}
Part.__index = Part
Part.__name = "lull.http.Part"

--- One more piece into the buffer.
---@async
local function fill(reader)
  local piece <const> = reader.source:read_some()
  if not piece then refuse("the form is cut off") end
  reader.buffer = reader.buffer .. piece
end

--- Take the rest of the line of a delimiter; false when that was the last.
---@async
local function after_delimiter(reader)
  while true do
    local blanks <const> = reader.buffer:match("^[ \t]*()")
    local two <const> = reader.buffer:sub(blanks, blanks + 1)
    if blanks > reader.max_header then refuse("malformed delimiter") end
    if two == "\r\n" then
      reader.buffer = reader.buffer:sub(blanks + 2)
      return true
    elseif two == "--" and blanks == 1 then
      return false
    elseif #two == 2 then
      refuse("malformed delimiter")
    end
    fill(reader)
  end
end

--- The next piece of content in front of a delimiter; nil when that is reached, and taken.
---@async
local function take_content(reader)
  local delimiter <const> = reader.delimiter
  while true do
    local buffer <const> = reader.buffer
    local found <const> = buffer:find(delimiter, 1, true)
    if found == 1 then
      reader.buffer = buffer:sub(#delimiter + 1)
      reader.state = "delimiter"
      return nil
    end
    -- the beginning of a delimiter may be at the end
    local sure <const> = found and found - 1 or #buffer - #delimiter + 1
    if sure > 0 then
      reader.buffer = buffer:sub(sure + 1)
      return buffer:sub(1, sure)
    end
    fill(reader)
  end
end

local function read_header(text)
  local headers <const> = {}
  for line in text:gmatch("(.-)\r\n") do
    local name <const>, value <const> = line:match("^([%w!#$%%&'*+.^_`|~-]+):(.*)$")
    if not name or value:find("[%z\r\n]") then refuse("malformed header of a part") end
    local key <const> = name:lower()
    if headers[key] then refuse("a part has a header twice") end
    headers[key] = params.trim(value)
  end
  return headers
end

--- The header of a part, up to the empty line.
---@async
local function take_header(reader)
  while true do
    local buffer <const> = reader.buffer
    local stop <const> = buffer:find("\r\n\r\n", 1, true)
    local size <const> = stop and stop + 1 or #buffer
    if size > reader.max_header then refuse("the header of a part is too large", 413) end
    if stop then
      reader.buffer = buffer:sub(stop + 4)
      return read_header(buffer:sub(1, stop + 1))
    elseif buffer:sub(1, 2) == "\r\n" then
      refuse("a part has no header")
    end
    fill(reader)
  end
end

local function new_part(reader, headers)
  local kind <const>, names <const> = params.read(headers["content-disposition"] or "")
  if kind ~= "form-data" or not names.name then refuse("a part has no name") end
  local encoding <const> = (headers["content-transfer-encoding"] or "binary"):lower()
  if encoding ~= "binary" and encoding ~= "8bit" and encoding ~= "7bit" then
    refuse("a part has a transfer encoding")
  end
  return setmetatable({
    name = names.name,
    filename = names.filename and names.filename:match("[^/\\]*$"),
    content_type = headers["content-type"] or "text/plain",
    headers = headers,
    reader = reader,
  }, Part)
end

--- From state to state.  What is cancelled or times out in between can be taken up again; what
--- is malformed stays that.
local advance <const> = {}

--- What is in front of the first delimiter is for nobody.
---@async
function advance.preamble(reader)
  for piece in take_content, reader do
    reader.count = reader.count + #piece
    if reader.count > reader.max_header then refuse("the form does not begin with its boundary") end
  end
  reader.count = 0
end

--- Nobody has read the content to its end.
---@async
function advance.content(reader)
  reader.part.reader, reader.part.skipped = nil, true
  while take_content(reader) do end -- a piece at a time
end

---@async
function advance.delimiter(reader)
  reader.state = after_delimiter(reader) and "header" or "over"
end

---@async
function advance.header(reader)
  if reader.count >= reader.max_parts then refuse("too many parts", 413) end
  local part <const> = new_part(reader, take_header(reader))
  reader.count = reader.count + 1
  reader.part, reader.state = part, "content"
  return part
end

--- The part after the one before; nil after the last.
---@async
local function next_part(reader)
  while reader.state ~= "over" do
    local part <const> = advance[reader.state](reader)
    if part then return part end
  end
end

--- Read what is there of the content: at least one byte.  Raises `http` with status 400 when the
--- body is cut off; `usage` when the next part has been asked for.
---@async
---@return string?  nil at the end
function Part:read_some()
  check.self(self, Part, "read_some")
  if self.skipped then
    error(lull.new_error("usage", "the part is over: the next one was asked for"), 2)
  end
  local reader <const> = self.reader
  if not reader then return nil end
  local piece <const> = take_content(reader)
  if not piece then self.reader = nil end
  return piece
end

--- Read the content, or the rest of it, whole.  Raises like `read_some`, and `http` with status
--- 413 when it is longer than the limit.
---@async
---@param limit? integer  bytes; 1 MiB
---@return string
function Part:read(limit)
  check.self(self, Part, "read")
  local pieces <const>, left = {}, limit or MAX_PART
  for piece in self.read_some, self do
    left = left - #piece
    if left < 0 then refuse("a part of the form is too large", 413) end
    pieces[#pieces + 1] = piece
  end
  return table.concat(pieces)
end

local multipart = {}

--- Iterate over the parts.
---@async
---@param source table      with read_some()
---@param boundary? string  parameter of the Content-Type
---@param opts lull.http.FormOptions
---@return async fun(): lull.http.Part?
function multipart.parts(source, boundary, opts)
  if not boundary or #boundary > 70 or not boundary:find(BOUNDARY) or boundary:find(" $") then
    refuse("the form has no boundary, or a wrong one")
  end
  local reader <const> = {
    source = source,
    delimiter = "\r\n--" .. boundary,
    buffer = "\r\n", -- the first delimiter may be at the very front
    state = "preamble",
    count = 0,
    max_parts = opts.max_fields or MAX_PARTS,
    max_header = opts.max_header or MAX_HEADER,
  }
  return function() return next_part(reader) end
end

return multipart
