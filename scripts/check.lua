--- lull.check: arguments, checked before anything starts.
local check = {}

-- The prompt checks whatever a script does to the globals.
local type <const>, getmetatable <const> = type, getmetatable

--- Raise an argument error at the place of the script that called into lull, however deep we
--- are.
---@param argument integer  its number
---@param name string       of the public function
---@param message string
function check.fail(argument, name, message)
  local level = 1
  repeat
    level = level + 1
    local info <const> = debug.getinfo(level, "S")
  until not info or not info.short_src:find("^%[lull%.")
  error(("bad argument #%d to '%s' (%s)"):format(argument, name, message), level)
end

local fail <const> = check.fail

--- What pcall gave of a native: its results, or its error, which becomes one of the public
--- function when it is about an argument.
---@param name string       of the public function
---@param map? integer[]    which of the function's arguments each of the native's is, the last also for
---  all after it; nil: the same
---@param ok boolean
---@param first any
---@param ... any
---@return any ...
function check.relay(name, map, ok, first, ...)
  if ok then return first, ... end
  local number, why
  if type(first) == "string" then number, why = first:match "bad argument #(%-?%d+) to '[^']*' %((.*)%)$" end
  if not number then error(first, 0) end
  number = math.tointeger(tonumber(number))
  fail(map and (map[number] or map[#map]) or number, name, why)
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

--- The class of an object that does not lock it: for methods that are called very often, and call
--- check.self when it is not theirs.  Where there is all of `debug`, its function is the faster one.
---@type fun(value: any): table?
check.class_of = debug.getmetatable or getmetatable

--- The object of a method: its class is its metatable.  Not so when it was called with . for :.
---@param value any
---@param class table   has __name, and __metatable where that is locked
---@param name string   of the method
function check.self(value, class, name)
  local actual <const> = getmetatable(value)
  if actual == class or actual ~= nil and actual == class.__metatable then return end
  fail(1, name, ("%s expected, got %s"):format(class.__name, value == nil and "no value" or type(value)))
end

--- A host: a name or a numeric address.  A name has at most 253 bytes (RFC 1035, 2.3.4), and
--- a dot that ends it.
---@param value any
---@param argument integer
---@param name string
function check.host(value, argument, name)
  check.type(value, argument, name, "string")
  if value == "" or #value > 254 or value:find "[%c ]" then fail(argument, name, "not a host") end
end

--- A path for a Unix socket, or with a NUL in front a name outside the file system.
---@param value any
---@param argument integer
---@param name string
function check.path(value, argument, name)
  check.type(value, argument, name, "string")
  if value == "" or value:find("\0", 2, true) then fail(argument, name, "not a path") end
  if #value > 107 then fail(argument, name, "path too long for a socket") end
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

--- What the value of an option may have to be: a test, and what is said of one that fails it.
local kinds <const> = {
  any = { function() return true end },
  boolean = { function(v) return type(v) == "boolean" end, "true or false" },
  callable = {
    function(v)
      local meta <const> = getmetatable(v)
      return type(v) == "function" or type(meta) == "table" and meta.__call ~= nil
    end, "a function",
  },
  count = { function(v) return (math.tointeger(v) or 0) >= 1 end, "a positive integer" },
  number = { function(v) return type(v) == "number" and v >= 0 end, "a number >= 0" },
  seconds = { function(v) return type(v) == "number" and v >= 0 end, "a number of seconds >= 0" },
  string = { function(v) return type(v) == "string" end, "a string" },
  table = { function(v) return type(v) == "table" end, "a table" },
}

--- Is the value of one of the kinds "a|b"?  If not, what it would have to be.
local function fits(value, alternatives)
  local expected <const> = {}
  for kind in alternatives:gmatch "[^|]+" do
    if kinds[kind][1](value) then return true end
    expected[#expected + 1] = kinds[kind][2]
  end
  return false, table.concat(expected, ", or ")
end

--- Options, each of which is known: a misspelt one would be ignored silently.
---@param opts any      a table or nil
---@param argument integer
---@param name string
---@param known table<string, true|string>  by name, what the value must be: true (anything),
---  "any", "boolean", "callable", "count", "number", "seconds", "string", "table", or several: "a|b"
function check.options(opts, argument, name, known)
  if type(opts) == "number" then -- lull.map(paths, fs.read_file)
    fail(argument, name, ("table expected, got number: where an index is passed, too, as by lull.map, " ..
      "use function(item) return %s(item) end"):format(name))
  end
  check.type(opts, argument, name, "table", true)
  for key, value in next, opts or {} do
    local kind = known[key]
    if not kind then fail(argument, name, ("unknown option '%s'"):format(tostring(key))) end
    if kind == true then kind = "any" end
    local good <const>, expected <const> = fits(value, kind)
    if not good then fail(argument, name, ("%s must be %s"):format(key, expected)) end
  end
end

return check
