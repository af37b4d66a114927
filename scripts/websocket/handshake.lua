--- lull.websocket.handshake: the HTTP/1.1 upgrade (RFC 6455, section 4), as texts and tables.
---
--- Nothing here reads or writes: the client's side makes a request and judges the answer, the
--- server's judges a request and makes the answer.
local crypto = require "lull.crypto"
local deflate = require "lull.websocket.deflate"
local tokens = require "lull.websocket.tokens"

local handshake = {}

local GUID <const> = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
local VERSION <const> = "13"

--- What proves that the server has read the key.
---@param key string
---@return string
function handshake.accept_of(key)
  return crypto.base64_encode(crypto.sha1(key .. GUID))
end

-- ---- the client's side ----

--- Parse an absolute URL.
---@param url string
---@return { secure: boolean, host: string, port: integer, authority: string, target: string }?
---@return string? wrong
function handshake.parse_url(url)
  if url:find "[^\x21-\x7e]" then
    return nil, "a URL has no spaces, controls or non-ASCII characters"
  end
  if url:find("#", 1, true) then return nil, "a WebSocket URL has no fragment" end
  local scheme <const>, authority <const>, rest <const> = url:match "^(%a+)://([^/?]*)(.*)$"
  local secure <const> = ({ ws = false, wss = true })[(scheme or ""):lower()]
  if secure == nil then return nil, "a URL that begins with ws:// or wss:// expected" end
  local host, port = authority:match "^%[([%x:.]+)%](.*)$"
  if not host then host, port = authority:match "^([%w%-._~]+)(.*)$" end
  if not host then return nil, "no host in the URL" end
  local number <const> = math.tointeger(tonumber(port:match "^:(%d%d?%d?%d?%d?)$"))
  if port ~= "" and port ~= ":" and (not number or number < 1 or number > 65535) then
    return nil, "no port in the URL"
  end
  local default <const> = secure and 443 or 80
  local name <const> = host:find(":", 1, true) and "[" .. host .. "]" or host
  return {
    secure = secure,
    host = host,
    port = number or default,
    authority = number and number ~= default and name .. ":" .. number or name,
    target = rest:sub(1, 1) == "/" and rest or "/" .. rest,
  }
end

--- The request's head.
---@param url table       of parse_url
---@param options table   of lull.websocket.options
---@return string request
---@return string key
function handshake.request(url, options)
  local key <const> = crypto.base64_encode(crypto.random(16))
  local lines <const> = { ("GET %s HTTP/1.1"):format(url.target) }
  local function add(name, value) lines[#lines + 1] = name .. ": " .. value end
  local has_host = false
  for _, line in ipairs(options.lines) do has_host = has_host or line[1]:lower() == "host" end
  if not has_host then add("Host", url.authority) end
  add("Upgrade", "websocket")
  add("Connection", "Upgrade")
  add("Sec-WebSocket-Key", key)
  add("Sec-WebSocket-Version", VERSION)
  if options.protocols then add("Sec-WebSocket-Protocol", table.concat(options.protocols, ", ")) end
  if options.compress then add("Sec-WebSocket-Extensions", deflate.offer(options.compress)) end
  for _, line in ipairs(options.lines) do add(line[1], line[2]) end
  return table.concat(lines, "\r\n") .. "\r\n\r\n", key
end

--- Without the blanks around it; in one pass, however many there are inside.
local function trim(text)
  local first <const> = text:find "[^ \t]"
  return first and text:match("^.*[^ \t]", first) or ""
end

--- Parse a response's head, strictly: what another program could read in another way is none.
---@param text string  up to and with the empty line
---@return { status: integer, version: string, reason: string, headers: table<string, string> }?
function handshake.parse_response(text)
  local version <const>, status <const>, reason <const>, start <const> =
    text:match "^HTTP/(1%.[01]) ([1-5]%d%d) ?([^\0-\8\10-\31\127]*)\r\n()"
  if not version then return nil end
  local headers <const> = {}
  local position = start
  while position < #text - 1 do
    local name <const>, padded <const>, after <const> =
      text:match("^([^:%s%c]+):([^\0-\8\10-\31\127]*)\r\n()", position)
    if not name or not tokens.is_token(name) then return nil end
    local lower <const>, value <const> = name:lower(), trim(padded)
    headers[lower] = headers[lower] and headers[lower] .. ", " .. value or value
    position = after
  end
  local number <const> = math.tointeger(tonumber(status))
  return { status = number, version = version, reason = reason, headers = headers }
end

--- Judge an answer with status 101.
---@param response table  of parse_response
---@param key string
---@param options table   that the request was made with
---@return { protocol?: string, deflate?: table }? chosen
---@return string? wrong
function handshake.judge(response, key, options)
  local headers <const> = response.headers
  if response.version ~= "1.1" then return nil, "the answer is not HTTP/1.1" end
  if (headers.upgrade or ""):lower() ~= "websocket" then return nil, "no Upgrade to websocket" end
  if not tokens.has(headers.connection, "upgrade") then return nil, "no Connection: Upgrade" end
  if headers["sec-websocket-accept"] ~= handshake.accept_of(key) then
    return nil, "a wrong Sec-WebSocket-Accept"
  end
  local protocol <const> = headers["sec-websocket-protocol"]
  local offered = protocol == nil
  for _, one in ipairs(options.protocols or {}) do offered = offered or one == protocol end
  if not offered then return nil, "a protocol that was not offered" end
  local settings <const>, wrong <const> =
    deflate.accepted(options.compress, headers["sec-websocket-extensions"])
  if wrong then return nil, wrong end
  return { protocol = protocol, deflate = settings }
end

-- ---- the server's side ----

local REQUIRED <const> = { { "Upgrade", "websocket" }, { "Connection", "Upgrade" } }
local VERSIONED <const> = { REQUIRED[1], REQUIRED[2], { "Sec-WebSocket-Version", VERSION } }

local PORTS <const> = { http = "80", https = "443" }

--- The host and the port of `host:port`, or of `host` and the default port.
local function split(authority, default)
  local host <const>, port <const> = authority:match "^(.*):(%d*)$"
  return host or authority, port and port ~= "" and port or default
end

--- Is it an origin of the host that the request is for?
local function is_same_host(origin, authority)
  local scheme <const>, rest <const> = origin:lower():match "^(%a+)://([^/]+)$"
  local default <const> = PORTS[scheme]
  if not default then return false end
  local host <const>, port <const> = split(rest, default)
  local asked_host <const>, asked_port <const> = split(authority:lower(), default)
  return host == asked_host and port == asked_port
end

--- Is a page of this origin welcome?  Unless it is said, those of the same host are, and
--- whoever is no browser.
local function is_welcome(origins, headers)
  local origin <const> = headers.origin
  if type(origins) == "table" and getmetatable(origins) == nil then
    for _, one in ipairs(origins) do
      if one == "*" or origin and one:lower() == origin:lower() then return true end
    end
    return origin == nil
  elseif origins ~= nil then
    return origins(origin, headers) and true or false
  end
  return origin == nil or is_same_host(origin, headers.host)
end

--- The first of the server's protocols that the client offers.
local function choose_protocol(mine, offered)
  local has <const> = {}
  for _, one in ipairs(offered) do has[one] = true end
  for _, one in ipairs(mine or {}) do
    if has[one] then return one end
  end
  return nil
end

--- Why a request is refused: status, message, header fields; nil: it is not.
local function refusal(method, headers)
  local is_upgrade <const> = tokens.has(headers.upgrade, "websocket")
    and tokens.has(headers.connection, "upgrade")
  if not is_upgrade then
    return 426, "this is for WebSocket only", REQUIRED
  elseif method ~= "GET" then
    return 405, "a WebSocket begins with GET", { { "Allow", "GET" } }
  elseif headers["sec-websocket-version"] ~= VERSION then
    return 426, "unknown version of WebSocket", VERSIONED
  elseif not headers.host or headers.host == "" then
    return 400, "no Host"
  elseif headers["transfer-encoding"] or (headers["content-length"] or "0") ~= "0" then
    return 400, "a request with a body cannot be upgraded"
  end
  local key <const> = crypto.base64_decode(headers["sec-websocket-key"] or "")
  if not key or #key ~= 16 then return 400, "malformed Sec-WebSocket-Key" end
  return nil
end

--- Judge a request and make the head of the answer.
---@param method string
---@param headers table<string, string>  by lower-case names, several values joined by ", "
---@param options table  of lull.websocket.options
---@return string? head  of the answer with status 101
---@return { protocol?: string, deflate?: table } | integer chosen_or_status
---@return string? message  what is wrong with the request
---@return { [1]: string, [2]: string }[]? fields  that the refusal must have
function handshake.respond(method, headers, options)
  local status <const>, message <const>, fields <const> = refusal(method, headers)
  if status then return nil, status, message, fields or {} end
  local offered <const> = tokens.list(headers["sec-websocket-protocol"] or "")
  if not offered then return nil, 400, "malformed Sec-WebSocket-Protocol", {} end
  local extensions <const>, settings <const>, wrong <const> =
    deflate.answer(options.compress, headers["sec-websocket-extensions"])
  if wrong then return nil, 400, wrong, {} end
  if not is_welcome(options.origins, headers) then return nil, 403, "not from this origin", {} end
  local protocol <const> = choose_protocol(options.protocols, offered)
  local lines <const> = {
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Accept: " .. handshake.accept_of(headers["sec-websocket-key"]),
  }
  if protocol then lines[#lines + 1] = "Sec-WebSocket-Protocol: " .. protocol end
  if extensions then lines[#lines + 1] = "Sec-WebSocket-Extensions: " .. extensions end
  return table.concat(lines, "\r\n") .. "\r\n\r\n", { protocol = protocol, deflate = settings }
end

return handshake
