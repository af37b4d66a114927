--- lull.websocket.options: what connect and accept were asked for, checked and complete.
local check = require "lull.check"
local tokens = require "lull.websocket.tokens"

local options = {}

local MEBI <const> = 1024 * 1024

local COMMON <const> = {
  protocols = "table", compress = "boolean|table", max_message = "count", max_frame = "count",
  ping_interval = "seconds|boolean", ping_timeout = "seconds|boolean",
  close_timeout = "seconds|boolean",
}

local function with_common(kinds)
  for name, kind in pairs(COMMON) do kinds[name] = kind end
  return kinds
end

local CLIENT <const> = with_common {
  headers = "table", origin = "string", timeout = "seconds|boolean", tls = "any",
}
local SERVER <const> = with_common { origins = "callable|table" }

--- The options of compress, with their defaults and bounds.
local COMPRESS <const> = {
  level = { 6, 1, 9 },
  memory_level = { 8, 1, 9 },
  threshold = { 1024, 0, 1 << 30 },
  server_max_window_bits = { 15, 9, 15 },
  client_max_window_bits = { 15, 9, 15 },
  server_no_context_takeover = { false },
  client_no_context_takeover = { false },
}

local COMPRESS_KINDS <const> = {}
for name, rule in pairs(COMPRESS) do COMPRESS_KINDS[name] = rule[2] and "number" or "boolean" end

local function compress_of(value, where)
  if value == false then return nil end
  local given <const> = value == true and {} or value
  check.options(given, where.argument, where.name, COMPRESS_KINDS)
  local complete <const> = {}
  for name, rule in pairs(COMPRESS) do
    local default <const>, least <const>, most <const> = table.unpack(rule)
    local one = given[name]
    if one == nil then one = default end
    if least then
      one = math.tointeger(one)
      if not one or one < least or one > most then
        check.fail(where.argument, where.name,
          ("compress.%s must be an integer from %d to %d"):format(name, least, most))
      end
    end
    complete[name] = one
  end
  return complete
end

local function seconds_of(opts, key, default, where)
  local value <const> = opts[key]
  if value == nil then return default end
  if value == false then return math.huge end
  if value == true or value == 0 then
    check.fail(where.argument, where.name, key .. " must be a number of seconds > 0, or false")
  end
  return value
end

local function protocols_of(list, where)
  if list == nil then return nil end
  local seen <const> = {}
  for i = 1, #list do
    local one <const> = list[i]
    if type(one) ~= "string" or not tokens.is_token(one) or seen[one] then
      check.fail(where.argument, where.name, "protocols must be a list of different tokens")
    end
    seen[one] = true
  end
  return #list > 0 and list or nil
end

--- What both sides have.
local function common(opts, where, compress)
  if opts.compress ~= nil then compress = opts.compress end
  return {
    protocols = protocols_of(opts.protocols, where),
    compress = compress_of(compress, where),
    max_message = opts.max_message or 16 * MEBI,
    max_frame = opts.max_frame,
    ping_interval = seconds_of(opts, "ping_interval", 30, where),
    ping_timeout = seconds_of(opts, "ping_timeout", 20, where),
    close_timeout = seconds_of(opts, "close_timeout", 10, where),
  }
end

--- The fields that the handshake itself sends.
local OURS <const> = {
  connection = true, upgrade = true, ["content-length"] = true, ["transfer-encoding"] = true,
}

local function is_text(value)
  return (type(value) == "string" or type(value) == "number")
    and not tostring(value):find "[\0-\8\10-\31\127]"
end

local function check_field(name, value, where)
  local lower <const> = type(name) == "string" and name:lower() or ""
  if not tokens.is_token(lower) or OURS[lower] or lower:find "^sec%-websocket%-" then
    check.fail(where.argument, where.name,
      ("not a header field to be set: '%s'"):format(tostring(name)))
  end
  for _, one in ipairs(type(value) == "table" and value or { value }) do
    if not is_text(one) then
      check.fail(where.argument, where.name, ("not the value of a header field: '%s'"):format(name))
    end
  end
end

--- Header fields as a list of lines, by name.
local function lines_of(headers, where)
  local names <const>, lines <const> = {}, {}
  for name, value in pairs(headers or {}) do
    check_field(name, value, where)
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local value <const> = headers[name]
    for _, one in ipairs(type(value) == "table" and value or { value }) do
      lines[#lines + 1] = { name, tostring(one) }
    end
  end
  return lines
end

--- The options of a client.
---@param opts? table
---@param argument integer
---@param name string  of the public function
---@return table
function options.client(opts, argument, name)
  local where <const> = { argument = argument, name = name }
  check.options(opts, argument, name, CLIENT)
  opts = opts or {}
  local complete <const> = common(opts, where, true)
  complete.timeout = seconds_of(opts, "timeout", 10, where)
  complete.lines = lines_of(opts.headers, where)
  if opts.origin then
    if not is_text(opts.origin) then check.fail(argument, name, "not an origin") end
    table.insert(complete.lines, { "Origin", opts.origin })
  end
  complete.tls = opts.tls
  return complete
end

--- The options of a server.
---@param opts? table
---@param argument integer
---@param name string  of the public function
---@return table
function options.server(opts, argument, name)
  local where <const> = { argument = argument, name = name }
  check.options(opts, argument, name, SERVER)
  opts = opts or {}
  local complete <const> = common(opts, where, false)
  complete.origins = opts.origins
  complete.server = true
  return complete
end

return options
