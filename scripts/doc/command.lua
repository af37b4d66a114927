--- lull.doc.command: `lull doc`, the reference at the command line.
local color = require "lull.term.color"
local doc = require "lull.doc"
local lull = require "lull"
local process = require "lull.process"
local screen = require "lull.term.screen"
local signal = require "lull.signal"
local unknown = require "lull.program.unknown"

local command = {}

local USAGE <const> = [[
usage: lull doc [NAME...]

Show what the reference says about a name: of a module (lull.fs), a function
(lull.fs.read_file, or any last part of it: read_file), a kind of object (Stream) or one
of its methods (Stream:read).  Without a name: the modules.

A text that is longer than the terminal is shown by $PAGER, or less.
]]

--- What `lull doc` shows alone.
local function overview()
  local lines <const> = {}
  local widest = 0
  for _, module in ipairs(doc.modules()) do widest = math.max(widest, #module.name) end
  for _, module in ipairs(doc.modules()) do
    local about <const> = module.text:match "^(.-)%.%f[%s\0]" or module.text:match "^[^\n]*"
    lines[#lines + 1] = ("%-" .. widest .. "s  %s\n"):format(module.name, about)
  end
  lines[#lines + 1] = "\nlull doc NAME shows what is in a module, or one function.\n"
  return table.concat(lines)
end

--- Several things of one name, a line each.
local function listing(entries)
  local lines <const> = {}
  for i, entry in ipairs(entries) do lines[i] = entry.signature .. "\n" end
  return table.concat(lines)
end

--- What there is to say about a name; nil: nothing.
local function about(name)
  local entries <const> = doc.matches(name)
  if #entries == 1 then return doc.render(entries[1]) end
  if #entries > 1 then return listing(entries) end
  local hint <const> = doc.suggest(name)
  io.stderr:write("lull doc: nothing is called '", name, "'")
  if #hint > 0 then io.stderr:write("; did you mean ", table.concat(hint, ", "), "?") end
  io.stderr:write "\n"
end

--- Show a text in a pager.  False: there is none.
---@async
local function page(text)
  local pager <const> = os.getenv "PAGER" or "less"
  local env <const> = { inherit = true, LESS = os.getenv "LESS" or "FRX" }
  local ok <const>, child <close> = pcall(process.open, { "sh", "-c", pager },
    { stdout = "inherit", stderr = "inherit", group = false, env = env })
  if not ok then return false end
  local _ <close> = signal.listen "INT" -- it is the pager's
  pcall(function()
    child.stdin:write(text)
    child.stdin:shutdown()
  end) -- who has seen enough ends it
  child.stdin:close()
  return child:wait() ~= 127
end

--- Write a text, a page at a time where that is of use.
---@async
local function show(text)
  local _, lines <const> = text:gsub("\n", "")
  local _, rows <const> = screen.size()
  local pager <const> = os.getenv "PAGER"
  if color.is_terminal(1) and lines >= rows and os.getenv "TERM" ~= "dumb" and pager ~= ""
    and pager ~= "cat" and page(text) then
    return
  end
  io.stdout:write(text)
end

--- The command.  Ends the program with 1 when there is nothing to show.
---@async
---@param ... string  its arguments
function command.main(...)
  local names <const> = { ... }
  if names[1] == "--help" or names[1] == "-h" then
    io.stdout:write(USAGE)
    return
  elseif names[1] and names[1]:find "^%-" then
    io.stderr:write("lull doc: ", unknown("lull doc", names[1], { ["--help"] = true }), "\n")
    os.exit(1)
  end
  local ok <const>, why <const> = pcall(doc.modules)
  if not ok then
    io.stderr:write("lull doc: ", lull.is_error(why) and why.message or tostring(why), "\n")
    os.exit(1)
  end
  local texts <const>, missed = {}, false
  for _, name in ipairs(names) do
    local text <const> = about(name)
    if text then texts[#texts + 1] = text else missed = true end
  end
  if #names == 0 then texts[1] = overview() end
  if #texts > 0 then show(table.concat(texts, "\n")) end
  if missed then os.exit(1) end
end

return command
