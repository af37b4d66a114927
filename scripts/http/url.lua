--- lull.http.url: URLs taken apart, put together and completed.
--
-- What is plain is taken apart here; everything else by curl, whose parser decides in the end
-- where a request goes: two parsers that disagree are how checks are walked around.
local native = require "lull.curl.native"

local url = {}

--- A URL that a request can be made to.
---@class lull.http.Url
---@field url string       without user, password and fragment
---@field scheme "http"|"https"
---@field host string      lower-case; IPv6 addresses in brackets
---@field port integer
---@field origin string    scheme, host and port
---@field user? string     decoded
---@field password? string decoded

local DEFAULT_PORTS <const> = { http = 80, https = 443 }

local function escape(byte)
  return ("%%%02X"):format(byte:byte())
end

--- Text for a URL's query: everything but unreserved characters is encoded (RFC 3986, 2.3).
---@param text any
---@return string
function url.encode(text)
  return (tostring(text):gsub("[^%w%-._~]", escape))
end

--- Curl normalizes what looks like a number ("127.1", "0x7f.1"): leave that to it.
local function is_plain_host(host)
  local last <const> = host:match("([^.]*)%.?$")
  if not last:find("^%d") then return not host:find("..", 1, true) and host ~= "." end
  return host:find("^%d+%.%d+%.%d+%.%d+$") and not host:find("%f[%d]0%d") and not host:find("%d%d%d%d")
end

local function made(scheme, host, port, whole)
  return {
    url = whole, scheme = scheme, host = host, port = port,
    origin = scheme .. "://" .. host .. ":" .. port,
  }
end

--- The plain form, or nothing.
local function parse_plain(text)
  local scheme <const>, host <const>, colon <const>, digits <const>, rest <const> =
    text:match("^(https?)://([%w.-]+)(:?)(%d*)(.*)$")
  if not scheme or not is_plain_host(host) then return nil end
  if (colon == "") ~= (digits == "") or not rest:find("^[/?#]") and rest ~= "" then return nil end
  local port <const> = digits ~= "" and math.tointeger(tonumber(digits)) or DEFAULT_PORTS[scheme]
  if port < 1 or port > 65535 or rest:find("\\", 1, true) then return nil end
  local fragment <const> = text:find("#", 1, true)
  return made(scheme, host:lower(), port, fragment and text:sub(1, fragment - 1) or text)
end

local function parse_with_curl(text, relative)
  local user <const>, password <const>, scheme <const>, host <const>, port <const>, whole <const> =
    native.url(text, relative)
  if user == false then return nil, password:lower() end
  if not DEFAULT_PORTS[scheme] then return nil, "its scheme is neither http nor https" end
  local parts <const> = made(scheme, host:lower(), math.tointeger(tonumber(port)), whole)
  parts.user, parts.password = user, password
  return parts
end

--- Take a URL apart.  Spaces and bytes above 126 are encoded.
---@param text string
---@return lull.http.Url?
---@return string? why  it is none
function url.parse(text)
  if text:find("[\0-\31\127]") then return nil, "it has control characters" end
  if text:find("[ \128-\255]") then
    local authority <const>, rest <const> = text:match("^(%a[%w+.-]*://[^/?#]*)(.*)$")
    if not authority then return nil, "not an absolute URL" end
    text = authority .. rest:gsub("[ \128-\255]", escape)
  end
  local parts <const> = parse_plain(text)
  if parts then return parts end
  if not text:find("^%a[%w+.-]*://") then return nil, "not an absolute URL" end
  return parse_with_curl(text)
end

--- A reference, as in a Location field, resolved against a URL (RFC 3986, 5).
---@param base lull.http.Url
---@param reference string
---@return lull.http.Url?
---@return string? why
function url.resolve(base, reference)
  reference = reference:gsub("[\0-\32\127-\255]", escape)
  if reference:find("^https?://") then return url.parse(reference) end
  return parse_with_curl(base.url, reference)
end

local function add_pair(list, name, value)
  if type(value) == "table" then
    for _, one in ipairs(value) do add_pair(list, name, one) end
  else
    list[#list + 1] = url.encode(name) .. "=" .. url.encode(value)
  end
end

--- Names and values as in a query or a form: in the order of the names, or as in a list of
--- pairs.  A value that is a list gives several.
---@param fields table<string, any> | { [1]: string, [2]: any }[]
---@return string
function url.fields(fields)
  local list <const> = {}
  if fields[1] ~= nil then
    for _, pair in ipairs(fields) do add_pair(list, pair[1], pair[2]) end
  else
    local names <const> = {}
    for name in pairs(fields) do names[#names + 1] = name end
    table.sort(names)
    for _, name in ipairs(names) do add_pair(list, name, fields[name]) end
  end
  return table.concat(list, "&")
end

--- A URL with a query added to the one it has.
---@param whole string  without a fragment
---@param fields string|table
---@return string
function url.with_query(whole, fields)
  local query <const> = type(fields) == "string" and fields or url.fields(fields)
  if query == "" then return whole end
  local joint = "?"
  if whole:find("?", 1, true) then joint = whole:find("[?&]$") and "" or "&" end
  return whole .. joint .. query
end

return url
