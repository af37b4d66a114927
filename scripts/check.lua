--- lull.check: arguments, checked before anything starts.
local lull = require "lull"

local check = {}

--- Raise at the place of the script that called into lull, however deep we are.
local function fail(argument, name, message)
  local level = 1
  repeat
    level = level + 1
    local info <const> = debug.getinfo(level, "S")
  until not info or not info.short_src:find("^%[lull%.")
  error(("bad argument #%d to '%s' (%s)"):format(argument, name, message), level)
end

--- An argument of one of the types.
---@param value any
---@param argument integer  its number
---@param name string       of the public function
---@param expected string   a type
---@param optional? boolean nil will do, too
function check.type(value, argument, name, expected, optional)
  local actual <const> = type(value)
  if actual ~= expected and not (optional and value == nil) then
    local got <const> = value == nil and "no value" or actual
    fail(argument, name, ("%s expected, got %s"):format(expected, got))
  end
end

--- A host: a name or a numeric address.
---@param value any
---@param argument integer
---@param name string
function check.host(value, argument, name)
  check.type(value, argument, name, "string")
  if value == "" or value:find("\0", 1, true) then fail(argument, name, "not a host") end
end

--- A port.
---@param value any
---@param argument integer
---@param name string
function check.port(value, argument, name)
  local port <const> = math.tointeger(tonumber(value))
  if not port or port < 0 or port > 65535 then
    fail(argument, name, "a port must be an integer from 0 to 65535")
  end
end

--- What can be called.
---@param value any
---@param argument integer
---@param name string
function check.callable(value, argument, name)
  local meta <const> = getmetatable(value)
  if type(value) ~= "function" and not (type(meta) == "table" and meta.__call) then
    fail(argument, name, "function expected, got " .. type(value))
  end
end

--- A positive integer or nil.
---@param value any
---@param argument integer
---@param name string
---@param what string  what it is
function check.count(value, argument, name, what)
  local count <const> = math.tointeger(value)
  if value ~= nil and (not count or count < 1) then
    fail(argument, name, what .. " must be a positive integer")
  end
end

--- Options, each of which is known: a misspelt one would be ignored silently.
---@param opts any      a table or nil
---@param argument integer
---@param name string
---@param known table<string, any>  its keys are the names there are
function check.options(opts, argument, name, known)
  check.type(opts, argument, name, "table", true)
  for key in next, opts or {} do
    if not known[key] then fail(argument, name, ("unknown option '%s'"):format(tostring(key))) end
  end
end

--- Options that do not ask for TLS.
---@param opts? table
function check.no_tls(opts)
  if opts and opts.tls then
    error(lull.new_error("usage", "TLS is not supported: streams are plain"), 3)
  end
end

return check
