--- lull.test.options: the command line of `lull test`.
local options = {}

--- What `lull test` was asked to do.
---@class lull.test.Options
---@field paths string[]       spec files and folders
---@field filter string[]      Lua patterns: run only tests whose name matches one
---@field filter_out string[]  Lua patterns: leave out what matches one
---@field tags string[]        run only tests with one of these #tags
---@field exclude_tags string[]
---@field pattern string       Lua pattern: which files of a folder are specs
---@field rounds integer       how often to run everything
---@field shuffle boolean
---@field seed integer?        of the shuffle
---@field output string?       busted's output handler; nil: by what stdout is
---@field helper string?       script or module to load before the specs
---@field timeout number       seconds a test may take
---@field verbose boolean
---@field list boolean         name the tests, run none
---@field keep_going boolean
---@field help boolean

options.usage = [[
usage: lull test [options] [paths]

Run busted specs, each test a task that may wait.  Paths are spec files and
folders; without any: tests/spec, or spec.

  --filter=PATTERN      run only tests whose full name matches the Lua pattern
  --filter-out=PATTERN  leave out tests whose full name matches
  -t, --tags=TAGS       run only tests with one of these #tags (comma-separated)
  --exclude-tags=TAGS   leave out tests with one of these #tags
  -p, --pattern=PATTERN which files of a folder are specs (default: _spec)
  --repeat=N            run everything N times
  --shuffle             run files and tests in random order
  --seed=N              the same with this seed, which repeats an order
  -o, --output=HANDLER  utfTerminal, plainTerminal, TAP, junit or any of busted's
  --helper=PATH         a script or module to load before the specs
  --timeout=SECONDS     how long a test may take (default: 10)
  -v, --verbose         tracebacks of failures
  -l, --list            name the tests, run none
  --no-keep-going       stop after the first failure
  -h, --help            show this text

A test fails, too, when it leaves tasks running or handles open, or when an
error reaches lull.on_error.  Exit code 0 when all passed, 1 otherwise.
]]

local function append(field)
  return function(into, value) table.insert(into[field], value) end
end

local function append_each(field)
  return function(into, value)
    for item in value:gmatch "[^,]+" do table.insert(into[field], item) end
  end
end

local function text(field)
  return function(into, value) into[field] = value end
end

local function number(field, least, convert)
  return function(into, value)
    local n <const> = convert(tonumber(value))
    if not n or n ~= n or n < least then return ("'%s' is not a valid number"):format(value) end
    into[field] = n
  end
end

local function real(n) return n end

local function set_seed(into, value)
  into.shuffle = true
  return number("seed", math.mininteger, math.tointeger)(into, value)
end

--- Options with a value: what to do with it; returns a complaint or nothing.
local valued <const> = {
  ["--filter"] = append "filter",
  ["--filter-out"] = append "filter_out",
  ["--tags"] = append_each "tags",
  ["--exclude-tags"] = append_each "exclude_tags",
  ["--pattern"] = text "pattern",
  ["--repeat"] = number("rounds", 1, math.tointeger),
  ["--seed"] = set_seed,
  ["--output"] = text "output",
  ["--helper"] = text "helper",
  ["--timeout"] = number("timeout", 0, real),
}

--- Options without one: the field and what it becomes.
local flags <const> = {
  ["--shuffle"] = { "shuffle", true },
  ["--verbose"] = { "verbose", true },
  ["--list"] = { "list", true },
  ["--keep-going"] = { "keep_going", true },
  ["--no-keep-going"] = { "keep_going", false },
  ["--help"] = { "help", true },
}

local short <const> = {
  ["-t"] = "--tags", ["-p"] = "--pattern", ["-o"] = "--output",
  ["-v"] = "--verbose", ["-l"] = "--list", ["-h"] = "--help",
}

local function defaults()
  return {
    paths = {}, filter = {}, filter_out = {}, tags = {}, exclude_tags = {},
    pattern = "_spec", rounds = 1, shuffle = false, timeout = 10,
    verbose = false, list = false, keep_going = true, help = false,
  }
end

--- Take the option at `arguments[i]`; returns the index of the last argument
--- that belongs to it, or nil and a complaint.
local function take(into, arguments, i)
  local name, value = arguments[i]:match "^(%-%-[^=]+)=(.*)$"
  if not name then
    name = arguments[i]
    if short[name:sub(1, 2)] and not name:find "^%-%-" then
      name, value = short[name:sub(1, 2)], name:sub(3)
      if value == "" then value = nil end
    end
  end
  local flag <const> = flags[name]
  if flag and not value then
    into[flag[1]] = flag[2]
    return i
  end
  if not valued[name] then return nil, ("unknown option '%s'"):format(arguments[i]) end
  if not value then
    i = i + 1
    value = arguments[i]
    if not value then return nil, ("'%s' needs an argument"):format(name) end
  end
  local complaint <const> = valued[name](into, value)
  if complaint then return nil, ("%s: %s"):format(name, complaint) end
  return i
end

--- Read the command line.
---@param arguments string[]
---@return lull.test.Options?
---@return string? complaint
function options.parse(arguments)
  local into <const> = defaults()
  local i = 1
  while i <= #arguments do
    if arguments[i] == "--" then
      table.move(arguments, i + 1, #arguments, #into.paths + 1, into.paths)
      break
    elseif arguments[i]:find "^%-." then
      local last, complaint = take(into, arguments, i)
      if not last then return nil, complaint end
      i = last
    else
      table.insert(into.paths, arguments[i])
    end
    i = i + 1
  end
  return into
end

return options
