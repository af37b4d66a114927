--- lull.http.proxy: which proxy a request goes through.
local proxy = {}

local SCHEMES <const> = {
  http = true, https = true, socks4 = true, socks4a = true, socks5 = true, socks5h = true,
}
--- Those that look names up themselves: the name of the server goes to them as it is.
local REMOTE <const> = { http = true, https = true, socks4a = true, socks5h = true }
--- What is asked for, in messages.
proxy.FORM = "the URL of a proxy (http, https, socks4, socks4a, socks5 or socks5h)"
local PORTS <const> = { http = 80, https = 443 }

--- A proxy's URL taken apart.  Without a scheme it is an HTTP proxy.
---@param text string
---@return { url: string, host: string, port: integer, remote: boolean }?
function proxy.parse(text)
  if text:find("[\0-\32\127-\255]") then return nil end
  if not text:find("://", 1, true) then text = "http://" .. text end
  local scheme <const>, authority <const> = text:match("^(%w+)://([^/?#]+)/?$")
  if not scheme or not SCHEMES[scheme:lower()] then return nil end
  local address <const> = authority:match("@([^@]*)$") or authority
  local host, port = address:match("^(%[[%x:.%%]+%]):?(%d*)$")
  if not host then host, port = address:match("^([%w._-]+):?(%d*)$") end
  if not host then return nil end
  local kind <const> = scheme:lower()
  local number <const> = port ~= "" and math.tointeger(tonumber(port)) or PORTS[kind] or 1080
  if number < 1 or number > 65535 then return nil end
  -- Curl takes 1080 for every scheme but https, where no port is named.
  local whole <const> = port ~= "" and text or ("%s://%s:%d"):format(kind, authority:gsub(":$", ""), number)
  return { url = whole, host = host, port = number, remote = REMOTE[kind] or false }
end

--- The value of the first variable that is set, and its name.  One that may not be looked at is
--- not set.
local function variable(...)
  for _, name in ipairs { ... } do
    local ok <const>, value <const> = pcall(os.getenv, name)
    if ok and value and value ~= "" then return value, name end
  end
end

--- The proxy that a variable names; without one that of the next.
local function way(names, otherwise)
  local value <const>, name <const> = variable(table.unpack(names))
  if not value then return otherwise end
  return proxy.parse(value) or { bad = name }
end

--- The proxies that the environment names.  HTTP_PROXY does not count: a CGI program gets it
--- from whoever sends a header `Proxy`.  What a variable says that names no proxy is { bad = its
--- name }: to go past it would show requests to those from whom it may be meant to hide them.
---@return { http?: table, https?: table, except: string[] }
function proxy.environment()
  local all <const> = way { "all_proxy", "ALL_PROXY" }
  local except <const> = {}
  for host in (variable("no_proxy", "NO_PROXY") or ""):gmatch("[^%s,]+") do
    except[#except + 1] = host:lower():gsub("^%*?%.", "")
  end
  return {
    http = way({ "http_proxy" }, all), https = way({ "https_proxy", "HTTPS_PROXY" }, all), except = except,
  }
end

--- Is this host reached without a proxy?
---@param except string[]
---@param host string  lower-case
---@return boolean
function proxy.is_exempt(except, host)
  for _, suffix in ipairs(except) do
    if suffix == "*" or host == suffix or host == "[" .. suffix .. "]" then return true end
    if #host > #suffix and host:sub(-#suffix - 1) == "." .. suffix then return true end
  end
  return false
end

return proxy
