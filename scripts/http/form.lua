--- lull.http.form: what forms send: `a=1&b=2`, in bodies and queries, and multipart/form-data.
local check = require "lull.check"
local lull = require "lull"
local multipart = require "lull.http.multipart"
local params = require "lull.http.params"

local form = {}

local MAX_FIELDS <const> = 1000
local MAX_BODY <const> = 1024 * 1024

local function refuse(status, message)
  error(lull.new_error("http", message, { status = status, op = "http.form" }), 0)
end

local bytes_of_hex <const> = {}
for i = 0, 255 do
  local low <const>, high <const> = ("%02x"):format(i), ("%02X"):format(i)
  bytes_of_hex[low], bytes_of_hex[high] = string.char(i), string.char(i)
  bytes_of_hex[low:sub(1, 1) .. high:sub(2)] = string.char(i)
  bytes_of_hex[high:sub(1, 1) .. low:sub(2)] = string.char(i)
end

--- What a name or value stands for.  A percent sign without two digits is itself, as browsers
--- have it (WHATWG URL, 5.1).
local function unescape(text)
  if text:find("[%%+]") then
    return (text:gsub("+", " "):gsub("%%(%x%x)", bytes_of_hex))
  end
  return text
end

--- Call take(name, value) for each field of `a=1&b=2`.
local function each_field(text, limit, take)
  local count = 0
  for field in text:gmatch("[^&]+") do
    count = count + 1
    if count > limit then refuse(413, "too many fields") end
    local equals <const> = field:find("=", 1, true)
    if equals then
      take(unescape(field:sub(1, equals - 1)), unescape(field:sub(equals + 1)))
    else
      take(unescape(field), "")
    end
  end
end

--- Decode `a=1&b=2`: the first value of each name.  Raises `http` with status 413 for more than
--- `limit` fields.
---@param text string
---@param limit? integer  1,000
---@return table<string, string>
function form.decode(text, limit)
  check.type(text, 1, "decode", "string")
  check.count(limit, 2, "decode", "limit")
  local first <const> = {}
  each_field(text, limit or MAX_FIELDS, function(name, value)
    if first[name] == nil then first[name] = value end
  end)
  return first
end

--- Put a value at the end of the list of a name.
local function append(all, name, value)
  local list <const> = all[name]
  if list then list[#list + 1] = value else all[name] = { value } end
end

--- Decode `a=1&b=2`: a list of the values of each name.  Raises like `decode`.
---@param text string
---@param limit? integer  1,000
---@return table<string, string[]>
function form.decode_all(text, limit)
  check.type(text, 1, "decode_all", "string")
  check.count(limit, 2, "decode_all", "limit")
  local all <const> = {}
  each_field(text, limit or MAX_FIELDS, function(name, value) append(all, name, value) end)
  return all
end

local function escape(char)
  return char == " " and "+" or ("%%%02X"):format(char:byte())
end

--- Encode as `a=1&b=2`, sorted by name.  A list gives its name several times.
---@param fields table<string, string|number|boolean|(string|number|boolean)[]>
---@return string
function form.encode(fields)
  check.type(fields, 1, "encode", "table")
  local names <const>, parts <const> = {}, {}
  for name in pairs(fields) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local values <const> = type(fields[name]) == "table" and fields[name] or { fields[name] }
    local left <const> = name:gsub("[^%w*._-]", escape)
    for _, value in ipairs(values) do
      parts[#parts + 1] = left .. "=" .. tostring(value):gsub("[^%w*._-]", escape)
    end
  end
  return table.concat(parts, "&")
end

-- Bodies ------------------------------------------------------------------------------------

---@class lull.http.FormOptions
---@field max_body? integer   bytes of the whole body; the request's max_body, or 1 MiB
---@field max_fields? integer fields, files included; 1,000
---@field max_header? integer bytes of the header of one part; 16 KiB

local OPTIONS <const> = { max_body = "number", max_fields = "number", max_header = "number" }

--- A file of a form that was read whole.
---@class lull.http.FormFile
---@field filename string       the last component of what the client calls it: never trust it
---@field content_type string
---@field body string

--- The media type of a request's body, and its parameters.
local function content_type(req)
  local header <const> = req.headers["content-type"]
  if not header then refuse(415, "the body has no Content-Type") end
  local media <const>, parameters <const> = params.read(header)
  if not media then refuse(400, "malformed Content-Type") end
  return media, parameters
end

--- A body that is refused above so many bytes.
local function limited(req, limit)
  local left = limit
  return { read_some = function()
    local piece <const> = req:read_some()
    left = left - #(piece or "")
    if left < 0 then refuse(413, "the form is too large") end
    return piece
  end }
end

local function read_multipart(req, boundary, opts)
  local first <const>, all <const> = {}, {}
  local limit <const> = opts.max_body or req.max_body or MAX_BODY
  for part in multipart.parts(limited(req, limit), boundary, opts) do
    local body <const> = part:read(limit)
    local value = body
    if part.filename then
      value = { filename = part.filename, content_type = part.content_type, body = body }
    end
    if part.filename ~= "" or body ~= "" then -- else a choice of files left empty
      if first[part.name] == nil then first[part.name] = value end
      append(all, part.name, value)
    end
  end
  return first, all
end

--- Read a form, of either type, whole.  A field is a string, a file a table.  Raises `http` with
--- status 400 when it is malformed or cut off, 413 when it is too large, 415 when it is no form.
---@async
---@param req lull.http.server.Request
---@param opts? lull.http.FormOptions
---@return table<string, string|lull.http.FormFile> first  value of each name
---@return table<string, (string|lull.http.FormFile)[]> all
function form.read(req, opts)
  check.options(opts, 2, "read", OPTIONS)
  opts = opts or {}
  local media <const>, parameters <const> = content_type(req)
  if media == "multipart/form-data" then return read_multipart(req, parameters.boundary, opts) end
  if media ~= "application/x-www-form-urlencoded" then refuse(415, "the body is no form") end
  local body <const> = req:body()
  local limit <const> = opts.max_body or req.max_body or MAX_BODY
  if #body > limit then refuse(413, "the form is too large") end
  local all <const>, first <const> = form.decode_all(body, opts.max_fields), {}
  for name, values in pairs(all) do first[name] = values[1] end
  return first, all
end

--- Iterate over the parts of a multipart/form-data body as they come.  What is not read of a part
--- is skipped when the next is asked for.  Raises as `read` does, in the loop and in what reads
--- a part.
---@async
---@param req lull.http.server.Request
---@param opts? lull.http.FormOptions  without max_body: parts are read with limits of their own
---@return async fun(): lull.http.Part?
function form.parts(req, opts)
  check.options(opts, 2, "parts", OPTIONS)
  local media <const>, parameters <const> = content_type(req)
  if media ~= "multipart/form-data" then refuse(415, "the body is no multipart form") end
  return multipart.parts(req, parameters.boundary, opts or {})
end

return form
