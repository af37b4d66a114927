--- lull.http.options: what a request or a client may be told, checked.
local check = require "lull.check"
local headers = require "lull.http.headers"
local proxy = require "lull.http.proxy"

local options = {}

--- Kinds of values: a test, and what is said of one that fails it.
local function is_type(...)
  local names <const> = {}
  for _, name in ipairs { ... } do names[name] = true end
  return { function(value) return names[type(value)] end, "must be a " .. table.concat({ ... }, " or a ") }
end

local ANY <const> = { function() return true end }
local FLAG <const> = { function(value) return type(value) == "boolean" end, "must be true or false" }
local COUNT <const> = {
  function(value) return (math.tointeger(value) or 0) >= 1 end, "must be a positive integer",
}
local INDEX <const> = {
  function(value) return (math.tointeger(value) or -1) >= 0 end, "must be an integer that is not negative",
}
local PATH <const> = {
  function(value) return type(value) == "string" and value ~= "" and not value:find("\0", 1, true) end,
  "must be a path",
}

local function is_seconds(value)
  return type(value) == "number" and value > 0
end

local TIMEOUT_KEYS <const> = { connect = true, first_byte = true, idle = true, total = true }
local TIMEOUT <const> = {
  function(value)
    if type(value) ~= "table" then return is_seconds(value) end
    for key, seconds in pairs(value) do
      if not TIMEOUT_KEYS[key] or not is_seconds(seconds) then return false end
    end
    return true
  end,
  "must be a positive number of seconds, or a table of them: connect, first_byte, idle, total",
}

local RETRY_KEYS <const> = { max = INDEX, backoff = { is_seconds }, max_wait = { is_seconds },
  on = is_type "table", any_method = FLAG }
local RETRIES <const> = {
  function(value)
    if type(value) ~= "table" then return value == false or INDEX[1](value) end
    for key, one in pairs(value) do
      if not RETRY_KEYS[key] or not RETRY_KEYS[key][1](one) then return false end
    end
    return true
  end,
  "must be a number, or a table: max, backoff, max_wait, on, any_method",
}

local PROXY <const> = {
  function(value) return value == false or type(value) == "string" and proxy.parse(value) ~= nil end,
  "must be " .. proxy.FORM .. ", or false",
}

local VERSIONS <const> = { ["1.0"] = true, ["1.1"] = true, ["2"] = true, ["2-prior"] = true }
local VERSION <const> = {
  function(value) return VERSIONS[value] end, [[must be "1.0", "1.1", "2" or "2-prior"]],
}

local function is_text(value)
  return type(value) == "string" and not value:find("[\0-\31\127]")
end

local AUTH <const> = {
  function(value)
    if type(value) ~= "table" then return false end
    for key in pairs(value) do
      if key ~= "user" and key ~= "password" and key ~= "bearer" and key ~= "digest" then return false end
    end
    if value.bearer ~= nil then return is_text(value.bearer) and value.user == nil end
    return is_text(value.user) and not value.user:find(":", 1, true)
      and (value.password == nil or is_text(value.password))
  end,
  "must be a table: user, password and perhaps digest = true; or bearer",
}

local function is_cookies(value)
  if type(value) ~= "table" then return false end
  for name, text in pairs(value) do
    -- RFC 6265, 4.1.1, but that spaces, commas and quotes are let through: they are met.
    if not headers.is_token(name) or not headers.is_value(text) or tostring(text):find(";", 1, true) then
      return false
    end
  end
  return true
end

--- What one field of a form can be; anything else would go out as "table: 0x...", or not at all.
local SCALARS <const> = { string = true, number = true, boolean = true }

local function is_scalar(value)
  return SCALARS[type(value)] or false
end

--- A scalar, or a list of them.
local function is_field(value)
  if type(value) ~= "table" then return is_scalar(value) end
  local count = 0
  for _, one in pairs(value) do
    if not is_scalar(one) then return false end
    count = count + 1
  end
  return count == #value
end

local function are_fields(value)
  if type(value) ~= "table" then return false end
  local is_list <const> = value[1] ~= nil
  for key, one in pairs(value) do
    if is_list then
      if type(one) ~= "table" or not is_scalar(one[1]) or not is_field(one[2]) then return false end
    elseif type(key) ~= "string" or not is_field(one) then
      return false
    end
  end
  return true
end

local PART_KEYS <const> = { name = true, data = true, filename = true, type = true }

local function is_part(value)
  if type(value) ~= "table" or type(value.name) ~= "string" or value.data == nil then return false end
  for key, one in pairs(value) do
    if not PART_KEYS[key] or not is_scalar(one) then return false end
  end
  return true
end

local function are_parts(value)
  if type(value) ~= "table" then return false end
  local is_list <const> = value[1] ~= nil
  for key, one in pairs(value) do
    if is_list and not is_part(one) then return false end
    if not is_list and (type(key) ~= "string" or not is_scalar(one)) then return false end
  end
  return true
end

local FIELDS <const> = "text by name, where lists stand for several, or a list of pairs"

--- Options of requests, and of clients as their defaults.
local COMMON <const> = {
  headers = is_type "table", auth = AUTH, timeout = TIMEOUT, retries = RETRIES, proxy = PROXY,
  verify = FLAG, ca_file = PATH, crl_file = PATH, cert = PATH, key = PATH, unix_socket = PATH,
  max_redirects = INDEX, max_body = COUNT, http_version = VERSION,
}

local REQUEST <const> = {
  body = ANY, json = ANY, stream = FLAG,
  form = { are_fields, "must be " .. FIELDS },
  multipart = { are_parts, "must be a list of parts (name, data, filename, type), or text by name" },
  query = {
    function(value) return type(value) == "string" or are_fields(value) end,
    "must be a string, or " .. FIELDS,
  },
  cookies = { is_cookies, "must be a table of text by name, without semicolons" },
}

local CLIENT <const> = {
  max_connections = COUNT, max_per_host = COUNT, max_idle = COUNT, cookies = FLAG,
}

for name, kind in pairs(COMMON) do
  REQUEST[name] = kind
  CLIENT[name] = kind
end

local function check_all(opts, known, argument, name)
  for key, value in pairs(opts) do
    local kind <const> = known[key]
    if not kind then check.fail(argument, name, ("unknown option '%s'"):format(tostring(key))) end
    if not kind[1](value) then check.fail(argument, name, key .. " " .. kind[2]) end
  end
  local fault <const> = opts.headers and headers.fault(opts.headers)
  if fault then check.fail(argument, name, fault) end
end

--- Check the options of a request.
---@param opts table
---@param argument integer
---@param name string
function options.check_request(opts, argument, name)
  check_all(opts, REQUEST, argument, name)
end

--- Check the options of a client.
---@param opts table
---@param argument integer
---@param name string
function options.check_client(opts, argument, name)
  check_all(opts, CLIENT, argument, name)
end

return options
