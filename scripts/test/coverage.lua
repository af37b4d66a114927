--- lull.test.coverage: which lines of the tested files ran, as a table and for LCOV's tools.
--
-- lull.core counts (core/runtime/cover.c); here is decided which files are meant, and told.
local chunk = require "lull.test.chunk"
local fs = require "lull.fs"
local glob = require "lull.test.glob"
local suite = require "lull.test.suite"
local term = require "lull.term"

local coverage = {}

--- Folders whose Lua files are not what is tested.
local OTHERS <const> = { spec = true, specs = true, test = true, tests = true, lua_modules = true }
local LARGEST <const> = 16 << 20 -- bytes of a Lua file

---@alias lull.test.Counts table<string, { lines: table<integer, integer>, calls: table<integer, integer> }>

--- The current folder.
local function here_now()
  local known <const>, target <const> = pcall(fs.readlink, "/proc/self/cwd")
  return known and target or os.getenv "PWD" or "."
end

--- An absolute path without names that lead nowhere.
local function tidy(name)
  local names <const> = {}
  for part in name:gmatch "[^/]+" do
    if part == ".." then
      names[#names] = nil
    elseif part ~= "." then
      names[#names + 1] = part
    end
  end
  return "/" .. table.concat(names, "/")
end

--- The path below the current folder; nil for what lies elsewhere.
local function below_here(name, here)
  local own <const> = name:match "^%[lull%.(.*)%]$" -- lull's own, in its source tree
  if own then return "scripts/" .. own:gsub("%.", "/") .. ".lua" end
  local full <const> = tidy(name:sub(1, 1) == "/" and name or here .. "/" .. name)
  local folder <const> = here == "/" and here or here .. "/"
  if full:sub(1, #folder) ~= folder then return nil end
  return full:sub(#folder + 1)
end

local function is_lua(name)
  return name:find "%.lua$" ~= nil
end

--- A name as it can stand in a line.
local function printable(name)
  return (name:gsub("%c", "?"):gsub("\xC2[\x80-\x9F]", "?"))
end

--- Is this file, by its name, one that tests are made of?
local function is_test(name, opts)
  local base <const> = name:match "[^/]*$"
  for _, pattern in ipairs(opts.pattern) do
    if base:find(pattern) then return true end
  end
  for folder in name:gmatch "([^/]+)/" do
    if OTHERS[folder] or folder:find "^%." then return true end
  end
  return false
end

--- Does a file count?
local function is_meant(name, opts, own)
  if glob.any(opts.coverage_exclude, name) then return false end
  if #opts.coverage_include > 0 then return glob.any(opts.coverage_include, name) end
  return not own and not is_test(name, opts)
end

local function add(into, from)
  for line, times in pairs(from) do into[line] = (into[line] or 0) + times end
end

--- Add counts to others.
---@param into lull.test.Counts
---@param from lull.test.Counts
function coverage.merge(into, from)
  for name, counts in pairs(from) do
    into[name] = into[name] or { lines = {}, calls = {} }
    add(into[name].lines, counts.lines)
    add(into[name].calls, counts.calls)
  end
end

--- The counts of the files that are meant, by their paths; with `include` also of those that
--- nobody loaded.
local function chosen(counts, opts)
  local here <const>, found <const> = here_now(), {}
  for name, of_file in pairs(counts) do
    local file <const> = below_here(name, here)
    if file and is_meant(file, opts, name:find "^%[lull%.") then
      coverage.merge(found, { [file] = of_file })
    end
  end
  if #opts.coverage_include > 0 then
    local function enter(folder) return not folder:find "/%.[^/]*$" end
    local function pass_over() end -- what cannot be read
    for name, stat in fs.walk(".", { enter = enter, on_error = pass_over }) do
      local file <const> = name:gsub("^%./", "")
      if stat.type == "file" and is_lua(file) and not found[file] and is_meant(file, opts) then
        found[file] = { lines = {}, calls = {} }
      end
    end
  end
  return found
end

--- What is known of one file: its lines and functions, and how often each ran; nil when it has
--- changed into something that is no Lua, or is gone.
local function look(file, counts)
  local read <const>, code <const> = pcall(fs.read_file, file, { max = LARGEST })
  local code_of <const> = read and chunk.read(code, file)
  if not code_of then return nil end
  local seen <const> = { file = file, lines = {}, functions = code_of.functions, hit = 0 }
  for line in pairs(code_of.lines) do
    local times <const> = counts.lines[line] or 0
    table.insert(seen.lines, { line = line, times = times })
    if times > 0 then seen.hit = seen.hit + 1 end
  end
  table.sort(seen.lines, function(a, b) return a.line < b.line end)
  for _, each in ipairs(seen.functions) do each.times = counts.calls[each.first] or 0 end
  return seen
end

--- One file as LCOV has it.
local function record(seen)
  local lines <const>, reached = { "TN:", "SF:" .. printable(seen.file) }, 0
  local function put(...) lines[#lines + 1] = string.format(...) end
  for _, each in ipairs(seen.functions) do put("FN:%d,%s", each.first, each.name) end
  for _, each in ipairs(seen.functions) do
    put("FNDA:%d,%s", each.times, each.name)
    if each.times > 0 then reached = reached + 1 end
  end
  put("FNF:%d", #seen.functions)
  put("FNH:%d", reached)
  for _, each in ipairs(seen.lines) do put("DA:%d,%d", each.line, each.times) end
  put("LF:%d", #seen.lines)
  put("LH:%d", seen.hit)
  put("end_of_record")
  return table.concat(lines, "\n")
end

--- The lines that did not run, as ranges: those that hold no code divide none.
local function missed_of(seen)
  local ranges <const>, first, last = {}, nil, nil
  local function close()
    if first then ranges[#ranges + 1] = first == last and tostring(first) or first .. "-" .. last end
    first = nil
  end
  for _, each in ipairs(seen.lines) do
    if each.times > 0 then
      close()
    else
      first, last = first or each.line, each.line
    end
  end
  close()
  return table.concat(ranges, " ")
end

local function percent(hit, all)
  return all > 0 and hit * 100 / all or 100
end

--- Rounded down: 100 % says that none is missing.
local function percent_text(hit, all)
  return ("%.1f"):format(math.floor(percent(hit, all) * 10) / 10)
end

local function print_table(out, all, hit, count)
  local rows <const> = {}
  for _, seen in ipairs(all) do
    rows[#rows + 1] = { printable(seen.file), #seen.lines, percent_text(seen.hit, #seen.lines), missed_of(seen) }
  end
  rows[#rows + 1] = { "in all", count, percent_text(hit, count), "" }
  out:write("\n", term.table(rows, {
    header = { "file", "lines", "%", "missed" },
    align = { "left", "right", "right", "left" },
    wrap = true,
  }))
end

--- Tell what ran.
---@async
---@param counts lull.test.Counts
---@param opts lull.test.Options
---@return string? complaint  when less ran than was asked for, or the file cannot be written
function coverage.report(counts, opts)
  local all <const>, hit, count = {}, 0, 0
  for file, of_file in pairs(chosen(counts, opts)) do
    local seen <const> = look(file, of_file)
    if seen then
      all[#all + 1] = seen
      hit, count = hit + seen.hit, count + #seen.lines
    end
  end
  table.sort(all, function(a, b) return a.file < b.file end)
  print_table(suite.closing_stream(opts), all, hit, count)
  local records <const> = {}
  for i, seen in ipairs(all) do records[i] = record(seen) .. "\n" end
  local ok <const>, err <const> =
    pcall(fs.write_file, opts.coverage_file, table.concat(records), { atomic = true })
  if not ok then return ("cannot write the coverage: %s"):format(err.message or err) end
  if #all == 0 then
    return opts.coverage_min and "no Lua file counts for --coverage-min" or nil
  end
  if opts.coverage_min and percent(hit, count) < opts.coverage_min then
    return ("%s %% of the lines ran, --coverage-min asks for %g"):format(
      percent_text(hit, count), opts.coverage_min)
  end
end

return coverage
