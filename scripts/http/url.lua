--- lull.http.url: URLs taken apart, put together and completed.
--
-- The native takes them apart; here is what one may leave to us: spaces, queries as tables.
local native = require "lull.curl.native"

local url = {}

local function escape(byte)
  return ("%%%02X"):format(byte:byte())
end

--- Text for a URL's query: everything but unreserved characters is encoded (RFC 3986, 2.3).
---@param text any
---@return string
function url.encode(text)
  return (tostring(text):gsub("[^%w%-._~]", escape))
end

local SCHEMES <const> = { http = true, https = true }

local function parse_with_curl(text, relative)
  local whole <const>, scheme <const>, host <const>, port <const>, user <const>, password <const> =
    native.url(text, relative)
  if not whole then return false, scheme:lower() end
  if host and host:find("[^%w.:_%[%]-]") then
    return false, "its host has other characters than a name: not ASCII begins with xn--"
  end
  if not SCHEMES[scheme] then return false, "its scheme is neither http nor https" end
  return whole, scheme, host:lower(), math.tointeger(tonumber(port)), user, password
end

--- Take a URL apart.  Spaces and bytes above 126 are encoded.
---@param text string
---@return string|false url  without user, password and fragment; false: it is no URL
---@return string scheme     "http" or "https"; or why it is none
---@return string host       lower-case; IPv6 addresses in brackets
---@return integer port
---@return string? user      decoded
---@return string? password  decoded
function url.parse(text)
  local whole <const>, scheme <const>, host <const>, port <const> = native.plain_url(text)
  if whole then return whole, scheme, host, port end
  if text:find("[\0-\31\127]") then return false, "it has control characters" end
  if not text:find("^%a[%w+.-]*://[^/]") then return false, "not an absolute URL" end
  if text:find("[ \128-\255]") then
    local authority <const>, rest <const> = text:match("^(%a[%w+.-]*://[^/?#]*)(.*)$")
    text = authority .. rest:gsub("[ \128-\255]", escape)
  end
  return parse_with_curl(text)
end

--- A reference, as in a Location field, resolved against a URL (RFC 3986, 5).  As parse.
---@param base string
---@param reference string
function url.resolve(base, reference)
  reference = reference:gsub("[\0-\32\127-\255]", escape)
  if reference:find("^https?://") then return url.parse(reference) end
  return parse_with_curl(base, reference)
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
