--- lull.http.compress: bodies compressed on their way, as middleware for a router.
local accept = require "lull.http.accept"
local check = require "lull.check"
local compress = require "lull.compress"
local lull = require "lull"
local mime = require "lull.http.mime"
local problem = require "lull.http.problem"
local reply = require "lull.http.reply"

local MIN <const> = 1024
local PIECE <const> = 64 * 1024
local MAX_REQUEST <const> = 1024 * 1024
local OVERHEAD <const> = 4096 -- bytes by which a coding may make a body longer
local PREFERENCE <const> = { "br", "zstd", "gzip" }

---@class lull.http.CompressOptions
---@field min? integer         bytes: smaller bodies are sent as they are; 1,024
---@field types? fun(type: string): boolean  which media types are compressed; texts and the like
---@field encodings? string[]  codings, the best first; those the build has of br, zstd, gzip
---@field level? table<string, integer>  by coding; what suits compressing on the way
---@field flush? boolean       send each piece of a streamed body at once, whatever it costs; true

local OPTIONS <const> = {
  min = "number", types = "callable", encodings = "table", level = "table", flush = "boolean",
}

-- Bodies ------------------------------------------------------------------------------------

--- A body that is called for its next piece, compressed.
---@class lull.http.CompressedBody
---@field private source any      called for the next piece
---@field private stream lull.compress.Stream
---@field private method string   of the stream: "write" or "flush"
---@field private over boolean
local Body <const> = {}
Body.__index = Body
Body.__name = "lull.http.CompressedBody"

--- The next piece; none is empty.
---@async
---@return string?
function Body:__call()
  local stream <const> = self.stream
  while not self.over do
    local piece <const> = self.source()
    self.over = piece == nil
    local out <const> = self.over and stream:finish() or stream[self.method](stream, piece)
    if out ~= "" then return out end
  end
end

function Body:close()
  self.over = true
  self.stream:close()
  local source <const> = self.source
  if type(source) ~= "function" and source.close then source:close() end
end

--- A file as a body.
local FileBody <const> = {}
FileBody.__index = FileBody

---@async
function FileBody:__call()
  if self.left == 0 then return nil end
  local piece <const> = self.handle:read(self.offset, math.min(self.left, PIECE))
  if not piece then error("the file has become shorter", 0) end
  self.offset, self.left = self.offset + #piece, self.left - #piece
  return piece
end

function FileBody:close()
  local handle <const> = self.handle
  self.handle, self.left = nil, 0
  if handle then handle:close() end
end

local function body_of_file(file)
  return setmetatable({
    handle = file.handle, offset = file.offset or 0, left = file.length,
  }, FileBody)
end

local function streamed(source, stream, flush)
  return setmetatable({
    source = source, stream = stream, method = flush and "flush" or "write", over = false,
  }, Body)
end

--- Compress a string; others get their turns between its pieces.
---@async
local function compressed(stream, text)
  if #text <= PIECE then return stream:finish(text) end
  local out <const> = {}
  for from = 1, #text, PIECE do
    out[#out + 1] = stream:write(text:sub(from, from + PIECE - 1))
    lull.yield()
  end
  out[#out + 1] = stream:finish()
  return table.concat(out)
end

-- Which, and how ----------------------------------------------------------------------------

--- The size of a body; infinite where it is not known before it is sent.
local function size_of(response)
  local body <const> = response.body
  if type(body) == "string" then return #body end
  if response.file then return response.file.length end
  return body ~= nil and math.huge or 0
end

--- May the body be sent in another form than it has?
local function is_candidate(self, response)
  local headers <const> = response.headers
  local status <const> = response.status
  if status < 200 or status == 204 or status == 206 or status == 304 then return false end
  if headers["content-encoding"] or headers["content-range"] then return false end
  local control <const> = tostring(headers["cache-control"] or ""):lower()
  if control:find("no-transform", 1, true) then return false end
  return size_of(response) >= self.min and self.types(headers["content-type"] or "text/plain")
end

local function apply(self, response, encoding)
  local headers <const> = response.headers
  local stream <const> = compress.new(encoding, self.level[encoding])
  headers["content-encoding"] = encoding
  headers["content-length"], headers["accept-ranges"] = nil, nil
  local etag <const> = headers.etag
  if type(etag) == "string" and etag:sub(1, 2) ~= "W/" then headers.etag = "W/" .. etag end
  if response.file then
    response.body, response.file = streamed(body_of_file(response.file), stream, false), nil
  elseif type(response.body) == "string" then
    response.body = compressed(stream, response.body)
  else
    response.body = streamed(response.body, stream, self.flush)
  end
end

--- What is to be encoded as JSON is encoded here: nobody could later.
local function encode_json(response)
  if response.json == nil then return end
  response.body = require("lull.json").encode(response.json)
  response.json = nil
  response.headers["content-type"] = response.headers["content-type"] or "application/json"
end

local function check_encodings(names)
  local known <const>, kept <const> = {}, {}
  for _, name in ipairs(compress.names()) do known[name] = true end
  for _, name in ipairs(names or PREFERENCE) do
    if known[name] then
      kept[#kept + 1] = name
    elseif names then
      check.fail(1, "compress", ("this build has no coding '%s'"):format(tostring(name)))
    end
  end
  return kept
end

local module = {}

--- Middleware that compresses what is worth it for clients that take it.  Left alone are bodies
--- that have a coding, ranges, small ones, types that are compressed already, server-sent events,
--- and what says `no-transform`.  Entity tags become weak, for the bytes are others.
---@param opts? lull.http.CompressOptions
---@return lull.http.Middleware
function module.responses(opts)
  check.options(opts, 1, "compress", OPTIONS)
  opts = opts or {}
  local self <const> = {
    min = opts.min or MIN,
    types = opts.types or mime.is_compressible,
    encodings = check_encodings(opts.encodings),
    level = opts.level or {},
    flush = opts.flush ~= false,
  }
  for name, level in pairs(self.level) do compress.new(name, level):close() end
  return function(req, next)
    local response <const> = reply.of(next(req))
    encode_json(response)
    if response.status == 304 then reply.vary(response.headers, "accept-encoding") end
    if not is_candidate(self, response) then return response end
    reply.vary(response.headers, "accept-encoding")
    local encoding <const> = accept.encoding(req.headers["accept-encoding"], self.encodings)
    if encoding then apply(self, response, encoding) end
    return response
  end
end

-- Requests ------------------------------------------------------------------------------------

local function refuse(status, message, cause)
  error(lull.new_error("http", message, { status = status, op = "http.body", cause = cause }), 0)
end

--- Call a method of a decoder; what is wrong with the bytes is the client's doing.
local function decode(decoder, method, bytes)
  local ok <const>, result <const> = pcall(decoder[method], decoder, bytes)
  if ok then return result end
  if not lull.is_error(result) or result.kind == "closed" then error(result, 0) end
  if result.kind == "limit" then refuse(413, "the body is too large when expanded", result) end
  refuse(400, "the body is not what its coding says", result)
end

--- Have a request give its body expanded.  There are codings of nothing that never end: what
--- comes in is limited, too.
---@return lull.compress.Stream  to be closed: it has memory that Lua's collector knows nothing of
local function expand(req, encoding, max)
  local decoder <const> = compress.decoder(encoding, { max = max })
  local read_some <const> = req.read_some
  local over, whole, left = false, nil, max + max // 16 + OVERHEAD
  req.read_some = function()
    while not over do
      local piece <const> = read_some(req)
      over = piece == nil
      left = left - #(piece or "")
      if left < 0 then refuse(413, "the body is too large") end
      local out <const> = over and decode(decoder, "finish") or decode(decoder, "write", piece)
      if out ~= "" then return out end
    end
  end
  req.body = function()
    if not whole then
      local pieces <const> = {}
      for piece in req.read_some do pieces[#pieces + 1] = piece end
      whole = table.concat(pieces)
    end
    return whole
  end
  return decoder
end

--- Does the response go on, perhaps with what it reads of the request?
local function is_streamed(response)
  return reply.is_callable(response) or type(response) == "table" and reply.is_callable(response.body)
end

--- Middleware that expands the bodies of requests with a Content-Encoding.  One that this build
--- cannot expand is a 415, one that is broken a 400, one that expands to more than `max` bytes (1
--- MiB) a 413.
---@param opts? { max?: integer }
---@return lull.http.Middleware
function module.requests(opts)
  check.options(opts, 1, "requests", { max = "count" })
  local max <const> = opts and opts.max or MAX_REQUEST
  local names <const> = compress.names()
  local known <const> = { ["x-gzip"] = "gzip" }
  for _, name in ipairs(names) do known[name] = name end
  return function(req, next)
    local coding <const> = req.headers["content-encoding"]
    if not coding or coding:lower() == "identity" then return next(req) end
    local name <const> = known[coding:lower()]
    if not name then
      local response <const> = problem.response(415, req)
      response.headers["accept-encoding"] = table.concat(names, ", ")
      return response
    end
    local decoder <const> = expand(req, name, max)
    local response
    local _ <close> = lull.finally(function()
      if not is_streamed(response) then decoder:close() end
    end)
    response = next(req)
    return response
  end
end

return setmetatable(module, { __call = function(_, opts) return module.responses(opts) end })
