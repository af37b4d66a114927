--- lull.http.static: the files of a folder, as a handler.
---
--- Only regular files below the folder are answered with; symbolic links are followed as long as
--- they stay below it (on Linux; elsewhere none is).  Segments that are empty or dots are a 404,
--- and so are names that begin with a dot, unless `dotfiles` says otherwise.  Files are sent by
--- the system from its own memory, and are believed unchanged for a second.
local accept = require "lull.http.accept"
local check = require "lull.check"
local conditional = require "lull.http.conditional"
local files = require "lull.http.static.files"
local listing = require "lull.http.static.listing"
local parts = require "lull.http.static.parts"
local problem = require "lull.http.problem"
local range = require "lull.http.range"

local MAX_PATH <const> = 4000
local CACHE <const> = 256
local ENCODINGS <const> = { "br", "zstd", "gzip" } -- the best first

---@class lull.http.StaticOptions
---@field index? string|false     file that answers for its folder; "index.html"
---@field listing? boolean        answer for folders without one with a list; false
---@field dotfiles? boolean       answer with names that begin with a dot; false
---@field max_age? integer        seconds that clients may keep a file without asking; unsaid
---@field precompressed? boolean  send x.br, x.zst or x.gz for x, where that is not older; false
---@field types? table<string, string>  media types by extension, before those that are known
---@field cache? integer          files that are kept open; 256; 0: none

local OPTIONS <const> = {
  index = "string|boolean", listing = "boolean", dotfiles = "boolean", max_age = "number",
  precompressed = "boolean", types = "table", cache = "number",
}

local static = {}

--- A URL's path for a decoded one.  It begins with one slash, whatever that begins with: two would
--- name a host.
local function encode_path(path)
  local encoded <const> = path:gsub("[^%w%-._~!$&'()*+,;=:@/]", function(char)
    return ("%%%02X"):format(char:byte())
  end)
  return "/" .. encoded:gsub("^/+", "")
end

--- Send a request for a folder to the path with a slash at its end.
---@param req lull.http.server.Request
---@return table response
function static.redirect(req)
  local query <const> = req.target:match("%?[!-~]*$") or ""
  return { status = 301, headers = { location = encode_path(req.path) .. "/" .. query } }
end

--- Can the path be one of ours?  Segments that are empty, dots or (unless wanted) hidden are not.
local function is_allowed(path, dotfiles)
  if #path > MAX_PATH or path:find("\0", 1, true) then return false end
  if path:find("//", 1, true) or path:sub(1, 1) == "/" then return false end
  local inside <const> = "/" .. path .. "/"
  if not dotfiles then return not inside:find("/.", 1, true) end
  return not (inside:find("/./", 1, true) or inside:find("/../", 1, true))
end

local function headers_of(self, file, chosen)
  return {
    ["content-type"] = chosen.type,
    ["content-length"] = chosen.size,
    ["content-encoding"] = chosen.encoding,
    ["etag"] = chosen.etag,
    ["last-modified"] = chosen.modified,
    ["accept-ranges"] = "bytes",
    ["cache-control"] = self.cache_control,
    ["vary"] = file.variants and "accept-encoding" or nil,
  }
end

--- The variant that the client likes best, or the file itself.
local function choose(req, file)
  if not file.variants then return file end
  local offers <const> = {}
  for _, name in ipairs(ENCODINGS) do
    if file.variants[name] then offers[#offers + 1] = name end
  end
  local best <const> = accept.encoding(req.headers["accept-encoding"], offers)
  return best and file.variants[best] or file
end

local function answer_condition(self, status, req, file, chosen)
  self.files:take(file)
  if status == 412 then return problem.response(412, req) end
  local headers <const> = headers_of(self, file, chosen)
  headers["content-length"], headers["content-type"], headers["content-encoding"] = nil, nil, nil
  return { status = 304, headers = headers }
end

local function answer_ranges(self, ranges, req, file, chosen)
  if #ranges == 0 then
    self.files:take(file)
    local response <const> = problem.response(416, req)
    response.headers["content-range"] = "bytes */" .. chosen.size
    return response
  end
  local headers <const> = headers_of(self, file, chosen)
  local handle <const> = self.files:take(file, chosen)
  local one <const> = ranges[1]
  if #ranges > 1 then
    local body, media, length = parts.new(handle, ranges, chosen)
    headers["content-type"], headers["content-length"] = media, length
    return { status = 206, headers = headers, body = body }
  end
  headers["content-length"], headers["content-range"] = one.length, range.content(one, chosen.size)
  return {
    status = 206, headers = headers,
    file = { handle = handle, offset = one.offset, length = one.length },
  }
end

local function answer_file(self, req, file)
  local chosen <const> = choose(req, file)
  local status <const> = conditional.check(req, chosen.etag, chosen.time)
  if status then return answer_condition(self, status, req, file, chosen) end
  local wanted <const> = req.method == "GET" and req.headers.range
  if wanted and conditional.range_holds(req, chosen.etag, chosen.time) then
    local ranges <const> = range.read(wanted, chosen.size)
    if ranges then return answer_ranges(self, ranges, req, file, chosen) end
  end
  if chosen.size == 0 then
    self.files:take(file)
    return { status = 200, headers = headers_of(self, file, chosen), body = "" }
  end
  return {
    status = 200,
    headers = headers_of(self, file, chosen),
    file = { handle = self.files:take(file, chosen), offset = 0, length = chosen.size },
  }
end

---@async
local function answer_folder(self, req, path)
  local names <const> = self.listing and self.files:list(path == "" and "." or path:sub(1, -2))
  if not names then return problem.response(404, req) end
  return listing.response(req.path, names, self.dotfiles)
end

---@async
local function answer(self, req)
  if req.method ~= "GET" and req.method ~= "HEAD" then
    local response <const> = problem.response(405, req)
    response.headers.allow = "GET, HEAD"
    return response
  end
  local path <const> = req.params and req.params.path or req.path:match("^/(.*)$")
  local known <const> = path and self.files:known(path) -- only what is allowed is known
  if known then return answer_file(self, req, known) end
  if not path or not is_allowed(path, self.dotfiles) then return problem.response(404, req) end
  local is_folder <const> = path == "" or path:sub(-1) == "/"
  if is_folder and not self.index then return answer_folder(self, req, path) end
  local file <const>, why <const> = self.files:find(is_folder and path .. self.index or path)
  if file then return answer_file(self, req, file) end
  if why == "folder" and not is_folder then return static.redirect(req) end
  if why == "missing" and is_folder then return answer_folder(self, req, path) end
  return problem.response(why == "forbidden" and 403 or 404, req)
end

--- A handler that answers GET and HEAD with the files of a folder, by the wildcard "path" of its
--- route or, without a route, the whole path of the request.
---@param dir string
---@param opts? lull.http.StaticOptions
---@param first? integer  the number of the first argument, where others are before it
---@return lull.http.Handler   raises kind io when there is no such folder
function static.new(dir, opts, first)
  first = first or 1
  check.type(dir, first, "static", "string")
  check.options(opts, first + 1, "static", OPTIONS)
  opts = opts or {}
  local index <const> = opts.index
  if index == true or index == "" or index and index:find("[/%z]") then
    check.fail(first + 1, "static", "index must be the name of a file")
  end
  local max_age <const> = opts.max_age and opts.max_age // 1 | 0
  local self <const> = {
    files = files.new(dir, {
      cache = (opts.cache or CACHE) // 1, types = opts.types, precompressed = opts.precompressed,
    }),
    index = index == nil and "index.html" or index,
    listing = opts.listing,
    dotfiles = opts.dotfiles or false,
    cache_control = max_age and ("public, max-age=%d"):format(max_age) or nil,
  }
  return function(req) return answer(self, req) end
end

return static
