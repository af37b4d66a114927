--- Is README.md true?  Its programs print what it says, and its tour shows every file of core.
--
-- A block of `lua` or `c` is a program; the block of `output` after it is what it prints.  In a
-- block of `prompt` the lines with a "> " are typed, the others are what comes back.

local program = require "program"
local source = require "source"

local readme = {}

local PATH <const> = "README.md"

--- The fenced blocks: language, text, and line.
local function blocks_of(text)
  local blocks <const>, open = {}, nil
  for number, line in source.lines(text) do
    local language <const> = line:match("^```(%a*)$")
    if language and not open then
      open = { language = language, line = number, lines = {} }
    elseif language then
      open.text = table.concat(open.lines, "\n") .. "\n"
      blocks[#blocks + 1] = open
      open = nil
    elseif open then
      open.lines[#open.lines + 1] = line
    end
  end
  return blocks
end

--- Call fn with the name of a new file of this text.
local function with_file(ending, text, fn)
  local base <const> = os.tmpname()
  local path <const> = base .. ending
  local file <const> = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  local output <const>, code <const> = fn(path)
  os.remove(path)
  os.remove(base)
  return output, code
end

local run <const> = {}

--- A script prints the same under the program and, if it calls lull.run, under a stock lua5.4.
function run.lua(block, build)
  local output <const>, code <const> = with_file(".lua", block.text, function(path)
    return program.run(build .. "/lull", path)
  end)
  if code ~= 0 or not block.text:find("lull.run(", 1, true) then return output, code end
  local stock <const>, stock_code <const> = with_file(".lua", block.text, function(path)
    return program.run("env", "LUA_CPATH=" .. build .. "/?.so;;", "lua5.4", path)
  end)
  if stock ~= output then return "under lua5.4: " .. stock, stock_code end
  return output, code
end

function run.c(block, build)
  return with_file(".c", block.text, function(path)
    local binary <const> = build .. "/readme_block" -- where programs may run
    local compile <const> = ("cc -Wall -Werror -I%s/gen %s -o %s -L%s -llull -Wl,-rpath,$(realpath %s)"
      .. " $(pkg-config --cflags --libs lua5.4 libevent_core)"):format(build, path, binary, build, build)
    local output, code = program.run("sh", "-c", compile)
    if code == 0 then output, code = program.run(binary) end
    os.remove(binary)
    return output, code
  end)
end

function run.prompt(block, build)
  local typed <const>, shown <const> = {}, {}
  for _, line in ipairs(block.lines) do
    local input <const> = line:match("^> (.*)$")
    table.insert(input and typed or shown, (input or line) .. "\n")
  end
  block.expected = table.concat(shown) .. "\n" -- after the last prompt
  return with_file(".txt", table.concat(typed), function(path)
    return program.run(build .. "/lull", "tests/check/prompt.lua", path)
  end)
end

local function check_programs(text, build, fail)
  local blocks <const> = blocks_of(text)
  for i, block in ipairs(blocks) do
    local output, code
    if run[block.language] then output, code = run[block.language](block, build) end
    local after <const> = blocks[i + 1]
    local expected <const> = block.expected
      or after and after.language == "output" and after.text or ""
    if output and (output ~= expected or code ~= 0) then
      fail("%s:%d: prints\n%s-- and ends with %s; expected\n%s-- end", PATH, block.line, output,
        code, expected)
    end
  end
end

--- Names in the order of the layers, below core/.
local function core_files()
  local names <const> = { "lull.h", "lull_ext.h", "lull_host.h" }
  local order <const> = source.read("tests/check/layers"):match("local order <const> = (%b{})")
  for folder, files in order:gmatch('{ "(%w+)", %[%[(.-)%]%] }') do
    for name in files:gmatch("%S+") do names[#names + 1] = folder .. "/" .. name end
  end
  return names
end

local function check_tour(text, fail)
  local shown <const>, listed <const> = {}, {}
  for name in text:gmatch("\n| `core/([%w_./]+)` |") do shown[#shown + 1] = name end
  for i, name in ipairs(core_files()) do
    listed[name] = true
    if shown[i] ~= name then
      fail("%s: the tour has core/%s where core/%s comes in the order", PATH, shown[i], name)
      return
    end
  end
  for _, name in ipairs(shown) do
    if not listed[name] then fail("%s: there is no core/%s", PATH, name) end
  end
end

local function check_links(text, fail)
  for target in text:gmatch("%]%(([^)]+)%)") do
    if not target:find("^https?:") and not source.exists(target) then
      fail("%s: there is no %s", PATH, target)
    end
  end
end

--- Check all of it; `fail(format, ...)` reports.
function readme.check(build, fail)
  local text <const> = source.read(PATH)
  check_programs(text, build, fail)
  check_tour(text, fail)
  check_links(text, fail)
end

return readme
