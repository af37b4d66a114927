--- lull.lint.source: looks at one file, on whatever thread.
local luacheck = require "lull.lint.luacheck"

local source = {}

local MAX_SIZE <const> = 4 << 20 -- bytes: of a larger file the syntax tree might take a gigabyte

--- What Lua itself says against a text; nil: nothing.
local function syntax_error(text)
  local ok <const>, message <const> = load(text, "=x", "t")
  if ok then return nil end
  local line <const>, why <const> = message:match "^x:(%d+): (.*)$"
  return { code = "011", line = tonumber(line) or 1, column = 1, end_column = 1, msg = why or message }
end

--- A text as Lua takes it from a file: without a byte order mark, and without a first line for
--- the system.
local function clean(text)
  return (text:gsub("^\239\187\191", ""):gsub("^#[^\n]*", ""))
end

--- Find all that may be said about a script, in the form of luacheck.
---@param text string
---@return table report  of luacheck.get_report; raises what luacheck stumbles over in a text that is
---  Lua, such as levels without end
function source.check(text)
  text = clean(text)
  local module <const> = luacheck.open()
  local wrong <const> = syntax_error(text)
  local only_wrong <const> = { warnings = { wrong }, inline_options = {}, line_lengths = {}, line_endings = {} }
  if not module then return only_wrong end
  local ok <const>, report <const> = pcall(module.get_report, text)
  local first <const> = ok and report.warnings[1]
  local refused <const> = first and first.code == "011" -- with more to say about it than Lua
  if wrong then return refused and report or only_wrong end
  if refused then error("luacheck takes it for no Lua: " .. first.msg, 0) end
  return ok and report or error(report, 0)
end

--- Check a text.
---@param text string
---@param name string
---@return table report  with `fatal` and `msg` where there is nothing to check
function source.try(text, name)
  local ok <const>, report <const> = pcall(source.check, text)
  if ok then return report end
  return { fatal = "luacheck", msg = ("%s: %s"):format(name, tostring(report):match "^[^\n]*") }
end

--- Read a file and check it.
---@param path string
---@return table report  with `fatal` and `msg` where there is nothing to check
function source.check_file(path)
  local file <close>, why <const> = io.open(path, "rb")
  local text, problem
  if file then text, problem = file:read(MAX_SIZE + 1) end
  if problem or not file then return { fatal = "I/O", msg = problem or why } end
  text = text or "" -- an empty file
  if #text > MAX_SIZE then return { fatal = "I/O", msg = path .. ": larger than 4 MiB" } end
  return source.try(text, path)
end

return source
