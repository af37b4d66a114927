--- lull.http.jar: cookies as tables, and as lines of Netscape's cookie files, which is how curl
--- hands them over.
local check = require "lull.check"

local jar = {}

---@class lull.http.Cookie
---@field name string
---@field value string
---@field domain string
---@field path? string        "/"
---@field subdomains? boolean hosts below the domain get it too
---@field secure? boolean     for https only
---@field http_only? boolean
---@field expires? integer    seconds of the epoch; nil: with the client

--- Domain, whether hosts below it count, path, whether for https only, expiry, name, value.
local LINE <const> = "^" .. ("([^\t]*)\t"):rep(6) .. "(.*)$"

--- Take lines apart.
---@param lines string[]
---@return lull.http.Cookie[]
function jar.list(lines)
  local cookies <const> = {}
  for _, line in ipairs(lines) do
    local text <const>, hidden <const> = line:gsub("^#HttpOnly_", "")
    local columns <const> = { text:match(LINE) }
    if columns[1] then
      local at <const> = math.tointeger(tonumber(columns[5]))
      cookies[#cookies + 1] = {
        domain = columns[1]:gsub("^%.", ""), subdomains = columns[2] == "TRUE",
        path = columns[3], secure = columns[4] == "TRUE", http_only = hidden == 1,
        expires = at ~= 0 and at or nil, name = columns[6], value = columns[7],
      }
    end
  end
  return cookies
end

local function is_text(value)
  return type(value) == "string" and not value:find("[\0-\31\127;]")
end

--- Put a line together.
---@param cookie lull.http.Cookie
---@return string
function jar.line(cookie)
  check.type(cookie, 1, "set_cookie", "table")
  for _, key in ipairs { "name", "value", "domain" } do
    if not is_text(cookie[key]) or cookie[key] == "" and key ~= "value" then
      check.fail(1, "set_cookie", key .. " must be text without semicolons")
    end
  end
  local path <const> = cookie.path or "/"
  if not is_text(path) then check.fail(1, "set_cookie", "path must be text") end
  return table.concat({
    (cookie.http_only and "#HttpOnly_" or "") .. (cookie.subdomains and "." or "") .. cookie.domain,
    cookie.subdomains and "TRUE" or "FALSE", path, cookie.secure and "TRUE" or "FALSE",
    ("%d"):format(cookie.expires or 0), cookie.name, cookie.value,
  }, "\t")
end

return jar
