--- lull.http.static.parts: bodies that are pieces of a file.
local range = require "lull.http.range"

local PIECE <const> = 64 * 1024

--- Several ranges as multipart/byteranges (RFC 9110, 14.6): called until it returns nil.
---@class lull.http.PartsBody
---@field private handle? userdata  nil: closed
---@field private ranges lull.http.Range[]
---@field private heads string[]    what goes before each, and at the end
---@field private index integer     of the range that is being sent
---@field private sent integer      bytes of it; -1: its head is next
local Parts <const> = {}
Parts.__index = Parts
Parts.__name = "lull.http.PartsBody"

--- The next piece.
---@async
---@return string?
function Parts:__call()
  local one <const> = self.ranges[self.index]
  if not self.handle or self.index > #self.heads then return nil end
  if self.sent < 0 or not one then
    self.sent = 0
    local head <const> = self.heads[self.index]
    if not one then self.index = self.index + 1 end
    return head
  end
  local size <const> = math.min(PIECE, one.length - self.sent)
  local piece <const> = self.handle:read(one.offset + self.sent, size)
  if not piece then error("the file has become shorter", 0) end
  self.sent = self.sent + #piece
  if self.sent == one.length then
    self.index, self.sent = self.index + 1, -1
  end
  return piece
end

--- Give the file back.
function Parts:close()
  local handle <const> = self.handle
  self.handle = nil
  if handle then handle:close() end
end

local parts = {}

--- A body of several ranges, its media type and its length.
---@param handle userdata  is closed with the body
---@param ranges lull.http.Range[]
---@param file lull.http.OpenFile
---@return lull.http.PartsBody body
---@return string content_type
---@return integer length
function parts.new(handle, ranges, file)
  local boundary <const> = ("%016x%016x"):format(math.random(0), math.random(0))
  local heads <const>, length = {}, 0
  for i, one in ipairs(ranges) do
    heads[i] = ("\r\n--%s\r\nContent-Type: %s\r\nContent-Range: %s\r\n\r\n"):format(
      boundary, file.type, range.content(one, file.size))
    length = length + #heads[i] + one.length
  end
  heads[#heads + 1] = ("\r\n--%s--\r\n"):format(boundary)
  local body <const> = setmetatable({
    handle = handle, ranges = ranges, heads = heads, index = 1, sent = -1,
  }, Parts)
  return body, "multipart/byteranges; boundary=" .. boundary, length + #heads[#heads]
end

return parts
