--- lull.test.options: the command line of `lull test`, and what a file .busted adds to it.
--
-- Names and meanings are busted's where it has them.  Every option is a row of one of two
-- tables: those with a value and those without.
local unknown = require "lull.program.unknown"

local options = {}

--- What `lull test` was asked to do.
---@class lull.test.Options
---@field paths string[]       spec files and folders
---@field filter string[]      Lua patterns: run only tests whose name matches one
---@field filter_out string[]  Lua patterns: leave out what matches one
---@field tags string[]        run only tests with one of these #tags
---@field exclude_tags string[]
---@field pattern string[]     Lua patterns: which files of a folder are specs
---@field exclude_pattern string[]
---@field recursive boolean    folders with those below
---@field rounds integer       how often to run everything
---@field shuffle_files boolean
---@field shuffle_tests boolean
---@field shuffle_tasks boolean
---@field sort_files boolean
---@field sort_tests boolean
---@field seed integer?        of what is shuffled
---@field output string?       busted's output handler; nil: by what stdout is
---@field output_options string[]
---@field helper string?       script or module to load before the specs
---@field helper_options string[]
---@field code string[]        to run before the specs
---@field lpath string         in front of package.path
---@field cpath string
---@field config string?       in place of .busted
---@field run string?          the part of it that is meant
---@field lang string
---@field timeout number       seconds a test may take
---@field virtual_time boolean
---@field coverage boolean
---@field coverage_file string
---@field coverage_include string[]  globs
---@field coverage_exclude string[]
---@field coverage_min number?
---@field jobs integer?        processes
---@field watch boolean
---@field auto_insulate boolean
---@field lazy boolean
---@field suppress_pending boolean
---@field defer_print boolean
---@field verbose boolean
---@field list boolean         name the tests, run none
---@field keep_going boolean
---@field help boolean
---@field given string[]       the options as they were written, but for --watch
---@field paths_given string[] the paths, likewise
---@field as_job string?       a process of --jobs: where its options are
---@field report string?       in a process of --jobs: where to write what happened

options.usage = require "lull.test.usage"

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

local function path_list(field)
  return function(into, value)
    into[field] = into[field] and into[field] .. ";" .. value or value
  end
end

local function number(field, least, most, convert)
  return function(into, value)
    local n <const> = convert(tonumber(value))
    if not n or n ~= n or n < least or n > most then
      return ("'%s' is not a valid number"):format(value)
    end
    into[field] = n
  end
end

local function real(n) return n end

--- A test that has exactly this full name.
local function append_name(into, value)
  table.insert(into.filter, "^" .. value:gsub("%p", "%%%0") .. "$")
end

--- Options with a value: what to do with it; returns a complaint or nothing.
local valued <const> = {
  ["--filter"] = append "filter",
  ["--filter-out"] = append "filter_out",
  ["--name"] = append_name,
  ["--tags"] = append_each "tags",
  ["--exclude-tags"] = append_each "exclude_tags",
  ["--pattern"] = append "pattern",
  ["--exclude-pattern"] = append "exclude_pattern",
  ["--repeat"] = number("rounds", 1, math.maxinteger, math.tointeger),
  ["--seed"] = number("seed", math.mininteger, math.maxinteger, math.tointeger),
  ["--output"] = text "output",
  ["-Xoutput"] = append_each "output_options",
  ["--helper"] = text "helper",
  ["-Xhelper"] = append_each "helper_options",
  ["-e"] = append "code",
  ["--lpath"] = path_list "lpath",
  ["--cpath"] = path_list "cpath",
  ["--config-file"] = text "config",
  ["--run"] = text "run",
  ["--lang"] = text "lang",
  ["--timeout"] = number("timeout", 0, math.huge, real),
  ["--coverage-include"] = append "coverage_include",
  ["--coverage-exclude"] = append "coverage_exclude",
  ["--coverage-min"] = number("coverage_min", 0, 100, real),
  ["--jobs"] = number("jobs", 1, 1024, math.tointeger),
  ["--as-job"] = text "as_job",
}

--- Options without one: the fields they set.
local flags <const> = {
  ["--shuffle"] = { "shuffle_files", "shuffle_tests" },
  ["--shuffle-files"] = { "shuffle_files" },
  ["--shuffle-tests"] = { "shuffle_tests" },
  ["--shuffle-tasks"] = { "shuffle_tasks" },
  ["--sort"] = { "sort_files", "sort_tests" },
  ["--sort-files"] = { "sort_files" },
  ["--sort-tests"] = { "sort_tests" },
  ["--recursive"] = { "recursive" },
  ["--virtual-time"] = { "virtual_time" },
  ["--coverage"] = { "coverage" },
  ["--watch"] = { "watch" },
  ["--auto-insulate"] = { "auto_insulate" },
  ["--lazy"] = { "lazy" },
  ["--suppress-pending"] = { "suppress_pending" },
  ["--defer-print"] = { "defer_print" },
  ["--verbose"] = { "verbose" },
  ["--list"] = { "list" },
  ["--keep-going"] = { "keep_going" },
  ["--help"] = { "help" },
}

--- Flags that may be given a value, by = only.
local optional <const> = { ["--coverage"] = "coverage_file" }

local short <const> = {
  ["-t"] = "--tags", ["-p"] = "--pattern", ["-o"] = "--output", ["-m"] = "--lpath",
  ["-f"] = "--config-file", ["-r"] = "--run", ["-j"] = "--jobs", ["-e"] = "-e",
  ["-v"] = "--verbose", ["-l"] = "--list", ["-k"] = "--keep-going", ["-R"] = "--recursive",
  ["-c"] = "--coverage", ["-h"] = "--help",
}

--- The names of all, for who misspells one.
local known <const> = {}
for name in pairs(valued) do known[name] = name ~= "--as-job" or nil end
for name in pairs(flags) do
  known[name], known["--no-" .. name:sub(3)] = true, true
end

local function defaults()
  return {
    paths = {}, filter = {}, filter_out = {}, tags = {}, exclude_tags = {}, pattern = {},
    exclude_pattern = {}, recursive = true, rounds = 1, shuffle_files = false,
    shuffle_tests = false, shuffle_tasks = false, sort_files = false, sort_tests = false,
    output_options = {}, helper_options = {}, code = {}, lang = "en", timeout = 10,
    virtual_time = false, coverage = false, coverage_file = "lcov.info", coverage_include = {},
    coverage_exclude = {}, watch = false, auto_insulate = true, lazy = false,
    suppress_pending = false, defer_print = false, verbose = false, list = false,
    keep_going = true, help = false, given = {},
  }
end

--- Set the fields of a flag, or of --no-flag; false when there is no such flag.
local function take_flag(into, name)
  local plain <const> = name:gsub("^%-%-no%-", "--")
  local fields <const> = flags[name] or flags[plain]
  if not fields then return false end
  for _, field in ipairs(fields) do into[field] = flags[name] ~= nil end
  return true
end

--- The name of an option as written, and the value within the same argument.
local function split(argument)
  if argument:find "^%-X" then return argument:match "^(%-X%l+)=?(.*)$" end
  if argument:find "^%-%-" then
    local name <const>, value <const> = argument:match "^([^=]+)=(.*)$"
    return name or argument, value
  end
  local name <const>, value <const> = short[argument:sub(1, 2)], argument:sub(3)
  if not name then return argument end
  return name, value ~= "" and value or nil
end

--- Take the option at `arguments[i]`; returns the index of the last argument that belongs to it
--- and the option's name, or nil and a complaint.
local function take(into, arguments, i)
  local name <const>, given <const> = split(arguments[i])
  local value = given ~= "" and given or (not arguments[i]:find "^%-X" and given or nil)
  if value and optional[name] then
    if value == "" then return nil, ("%s: the name of a file is missing"):format(name) end
    into[optional[name]] = value
    value = nil
  end
  if not value and take_flag(into, name) then return i, name end
  if not valued[name] then
    return nil, unknown("lull test", arguments[i], known)
  end
  if not value then
    i = i + 1
    value = arguments[i]
    if not value then return nil, ("'%s' needs an argument"):format(name) end
  end
  local complaint <const> = valued[name](into, value)
  if complaint then return nil, ("%s: %s"):format(name, complaint) end
  return i, name
end

--- Options that need others, or exclude them.
local function complaint_of(into)
  for _, tag in ipairs(into.tags) do
    for _, excluded in ipairs(into.exclude_tags) do
      if tag == excluded then return ("--tags and --exclude-tags have the same tag '%s'"):format(tag) end
    end
  end
  if #into.coverage_include > 0 or #into.coverage_exclude > 0 or into.coverage_min then
    into.coverage = true
  end
  return nil
end

--- What options that were not given make of themselves.
local function complete(into)
  if into.seed and not (into.shuffle_files or into.shuffle_tests or into.shuffle_tasks) then
    into.shuffle_files, into.shuffle_tests = true, true
  end
  if #into.pattern == 0 then into.pattern[1] = "_spec" end
  into.lpath = into.lpath or "./src/?.lua;./src/?/?.lua;./src/?/init.lua"
  into.cpath = into.cpath or "./csrc/?.so;./csrc/?/?.so"
end

--- Read the command line.
---@param arguments string[]
---@return lull.test.Options?
---@return string|table<string, true> complaint  or the names of the options that were given
function options.parse(arguments)
  local into <const>, given <const> = defaults(), {}
  local i = 1
  while i <= #arguments do
    if arguments[i] == "--" then
      table.move(arguments, i + 1, #arguments, #into.paths + 1, into.paths)
      break
    elseif arguments[i]:find "^%-." then
      local last, name = take(into, arguments, i)
      if not last then return nil, name end
      given[name:gsub("^%-%-no%-", "--")] = true
      if name ~= "--watch" then table.move(arguments, i, last, #into.given + 1, into.given) end
      i = last
    else
      table.insert(into.paths, arguments[i])
    end
    i = i + 1
  end
  into.paths_given = into.paths
  return into, given
end

--- One option of a file .busted.
local function configure(into, name, value)
  local option <const> = #name == 1 and (short["-" .. name] or "-" .. name)
    or (name:find "^X" and "-" or "--") .. name
  if type(value) == "boolean" then
    take_flag(into, (value and "" or "--no-") .. (value and option or option:gsub("^%-%-", "")))
    return nil
  end
  local take_value <const> = valued[option]
  if not take_value then return nil end -- busted's own, or nobody's: busted says nothing, either
  for _, item in ipairs(type(value) == "table" and value or { value }) do
    local complaint <const> = take_value(into, tostring(item))
    if complaint then return ("%s: %s"):format(name, complaint) end
  end
end

--- The parts of a file .busted that are meant, the strongest first; or nil and a complaint.
local function parts_of(file, run)
  local chunk <const>, message <const> = loadfile(file)
  if not chunk then return nil, message end
  local ok <const>, config <const> = pcall(chunk)
  if not ok then return nil, ("%s: %s"):format(file, config) end
  if type(config) ~= "table" then return nil, ("%s does not return a table"):format(file) end
  local part = config[run or "default"]
  if run and type(part) ~= "table" then
    return nil, ("%s has no part '%s'"):format(file, run)
  end
  return { type(part) == "table" and part or {}, type(config._all) == "table" and config._all or {} }
end

--- Add what the file .busted says, where the command line said nothing; then what follows.
---@param into lull.test.Options  of options.parse
---@param given table<string, true>
---@return string? complaint
function options.finish(into, given)
  local file = into.config
  if not file then
    local found <const> = io.open ".busted"
    if found then
      found:close()
      file = ".busted"
    end
  end
  if not file and into.run then return "--run: there is no file .busted" end
  local parts, complaint = {}, nil
  if file then parts, complaint = parts_of(file, into.run) end
  if not parts then return complaint end
  for _, part in ipairs(parts) do
    for name, value in pairs(part) do
      local key <const> = name == "ROOT" and name or "--" .. tostring(name)
      if name == "ROOT" and #into.paths == 0 then
        into.paths = type(value) == "table" and value or { value }
      elseif name ~= "ROOT" and not given[key] then
        complaint = configure(into, tostring(name), value)
        if complaint then return ("%s: %s"):format(file, complaint) end
      end
    end
    for name in pairs(part) do given["--" .. tostring(name)] = true end
  end
  complaint = complaint_of(into)
  complete(into)
  return complaint
end

return options
