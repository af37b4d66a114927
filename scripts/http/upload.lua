--- lull.http.upload: bodies of requests.
local check = require "lull.check"
local url = require "lull.http.url"

local upload = {}

local PIECE <const> = 64 * 1024 -- bytes that are taken from a file at once, and sent

--- A body that is sent piece by piece: an iterator over it, or nil when it is a string.
---@param body any
---@return (fun(): string?)?
---@return string? why  it is no body
function upload.source(body)
  local kind <const> = type(body)
  if kind == "string" then return nil end
  if kind == "function" then return body end
  if io.type(body) == "file" then
    return function() return body:read(PIECE) end
  end
  local ok <const>, read_some <const> = pcall(function() return body.read_some end)
  if (kind == "table" or kind == "userdata") and ok and read_some then
    return function() return body:read_some() end
  end
  return nil, "body must be a string, a function that returns pieces, a stream or a file"
end

--- Send a body to the end, or until nobody wants it.
---@async
---@param transfer userdata
---@param source fun(): string?
function upload.send(transfer, source)
  for piece in source do
    if type(piece) ~= "string" then
      error(("the body of a request must bring strings, not a %s"):format(type(piece)), 0)
    end
    for at = 1, #piece, PIECE do
      if not transfer:send(#piece > PIECE and piece:sub(at, at + PIECE - 1) or piece) then return end
    end
  end
  transfer:finish()
end

local function quoted(text)
  -- As browsers do (HTML, "multipart form data"): these three would end the name.
  return (tostring(text):gsub('[\r\n"]', { ["\r"] = "%0D", ["\n"] = "%0A", ['"'] = "%22" }))
end

--- A form with files (RFC 7578): a list of {name=, data=, filename=, type=}, or data by name.
---@param parts table
---@return string body
---@return string content_type
function upload.multipart(parts)
  if parts[1] == nil then
    local list <const> = {}
    for name, data in pairs(parts) do list[#list + 1] = { name = name, data = data } end
    table.sort(list, function(a, b) return a.name < b.name end)
    parts = list
  end
  local boundary <const> = ("lull-%016x%016x"):format(math.random(0), math.random(0))
  local pieces <const> = {}
  for _, part in ipairs(parts) do
    local file <const> = part.filename and ('; filename="%s"'):format(quoted(part.filename)) or ""
    local kind <const> = part.type or part.filename and "application/octet-stream"
    pieces[#pieces + 1] = ('--%s\r\nContent-Disposition: form-data; name="%s"%s\r\n%s\r\n'):format(
      boundary, quoted(part.name), file, kind and "Content-Type: " .. kind .. "\r\n" or "")
    pieces[#pieces + 1] = tostring(part.data)
    pieces[#pieces + 1] = "\r\n"
  end
  pieces[#pieces + 1] = "--" .. boundary .. "--\r\n"
  return table.concat(pieces), "multipart/form-data; boundary=" .. boundary
end

--- The body that options ask for, and its type.
---@param opts table
---@param argument integer
---@param name string
---@return string|(fun(): string?)|nil body
---@return string? content_type
function upload.of(opts, argument, name)
  local given
  for _, key in ipairs { "body", "json", "form", "multipart" } do
    if opts[key] ~= nil then
      if given then
        check.fail(argument, name, ("%s and %s are two bodies for one request"):format(given, key))
      end
      given = key
    end
  end
  if not given then return nil end
  if given == "json" then return require "lull.json".encode(opts.json), "application/json" end
  if given == "form" then return url.fields(opts.form), "application/x-www-form-urlencoded" end
  if given == "multipart" then return upload.multipart(opts.multipart) end
  local source <const>, why <const> = upload.source(opts.body)
  if why then check.fail(argument, name, why) end
  return source or opts.body
end

return upload
