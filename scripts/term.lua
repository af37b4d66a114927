--- lull.term: the terminal: colours, widths, progress, tables, questions.
--
-- All of it is plain text where there is no terminal.  scripts/types/term.lua describes the styles,
-- which are made in a loop, and the methods of what is shown.
local ask = require "lull.term.ask"
local cells = require "lull.term.cells"
local check = require "lull.check"
local color = require "lull.term.color"
local layout = require "lull.term.table"
local lull = require "lull"
local progress = require "lull.term.progress"
local screen = require "lull.term.screen"

local term = { progress = progress.bar, spinner = progress.spinner }

local DESCRIPTORS <const> = { stdin = 0, stdout = 1, stderr = 2 }

local function descriptor(stream, name)
  if stream == nil then return 1 end
  local fd <const> = DESCRIPTORS[stream]
  if not fd then check.fail(1, name, '"stdin", "stdout" or "stderr" expected') end
  return fd
end

-- ---- the terminal ----

--- Is a stream a terminal?
---@param stream? lull.term.Stream  "stdout"
---@return boolean
function term.is_terminal(stream)
  return color.is_terminal(descriptor(stream, "is_terminal"))
end

--- The columns of the terminal now.
---@return integer # 80 where there is none
function term.width()
  return (screen.size())
end

--- The rows of the terminal now.
---@return integer # 24 where there is none
function term.height()
  return (select(2, screen.size()))
end

--- Wait until the terminal has another size, for ever where there is none, or where signals may
--- not be listened to: WINCH tells.
---@async
---@return integer width
---@return integer height
function term.wait_resize()
  local ok <const>, listener <const> = pcall(require "lull.signal.native".listen, "WINCH")
  if not ok then
    if not lull.is_error(listener, "permission") then error(listener, 0) end
    lull.sleep_forever()
  end
  local _ <close> = listener
  local width <const>, height <const> = screen.size()
  local now_width, now_height
  repeat
    listener:wait()
    now_width, now_height = screen.size()
  until now_width ~= width or now_height ~= height
  return now_width, now_height
end

-- ---- styles ----

local chosen   -- by the script
local detected -- for standard output, when first asked

--- How many colours a stream takes.
---@param stream? lull.term.Stream  "stdout", for which the styles below are
---@return integer # 0: plain text; 16, 256 or 2^24
function term.colors(stream)
  local fd <const> = descriptor(stream, "colors")
  if chosen then return chosen end
  if fd ~= 1 then return color.detect(fd) end
  detected = detected or color.detect(1)
  return detected
end

local COUNTS <const> = { [0] = true, [16] = true, [256] = true, [1 << 24] = true }

--- Use so many colours from now on, in place of what was found out.
---@param count? boolean|integer  true: at least 16; false or 0: none; 16, 256, 2^24; nil: find out
function term.use_colors(count)
  if count == true then count = math.max(color.detect(1), 16) end
  if count == false then count = 0 end
  if count ~= nil and not COUNTS[count] then
    check.fail(1, "use_colors", "true, false, 0, 16, 256 or 2^24 expected")
  end
  chosen, detected = count, nil
end

local function styled(name, begin, stop)
  return function(text)
    if type(text) == "number" then text = tostring(text) end
    check.type(text, 1, name, "string")
    if term.colors() == 0 then return text end
    return color.wrap(text, begin, stop)
  end
end

for name, codes in pairs(color.styles) do term[name] = styled(name, codes[1], codes[2]) end
for _, name in ipairs { "black", "red", "green", "yellow", "blue", "magenta", "cyan", "white", "gray" } do
  term[name] = styled(name, color.parameters(name, 16, false), "39")
  if name ~= "gray" then
    term["on_" .. name] = styled("on_" .. name, color.parameters(name, 16, true), "49")
  end
end

local function colored(name, value, text, behind)
  if type(text) == "number" then text = tostring(text) end
  check.type(text, 2, name, "string")
  local count <const> = term.colors()
  local begin <const>, why <const> = color.parameters(value, count > 0 and count or 16, behind)
  if not begin then check.fail(1, name, why) end
  return count > 0 and color.wrap(text, begin, behind and "49" or "39") or text
end

--- A text in a colour.  Raises an argument error for what is no colour.
---@param color lull.term.Color
---@param text string|number
---@return string
function term.fg(value, text)
  return colored("fg", value, text, false)
end

--- A text on a background.
---@param color lull.term.Color
---@param text string|number
---@return string
function term.bg(value, text)
  return colored("bg", value, text, true)
end

-- ---- texts ----

local function check_text(text, name)
  check.type(text, 1, name, "string")
end

local function check_room(room, name, least)
  local whole <const> = math.tointeger(room)
  if not whole or whole < least then
    check.fail(2, name, ("an integer >= %d expected"):format(least))
  end
end

--- The cells that a text takes: two for wide characters, none for those that combine with the one
--- before, for control characters and for escape sequences.  Each character counts by itself, as
--- wcwidth has it; a byte that is no UTF-8 is one cell.
---@param text string
---@return integer
function term.text_width(text)
  check_text(text, "text_width")
  return cells.width(text)
end

--- A text without escape sequences.
---@param text string
---@return string
function term.strip(text)
  check_text(text, "strip")
  return cells.strip(text)
end

--- Cut a text that is too wide.  Characters stay whole, and styles that are open are ended.
---@param text string
---@param width integer  cells
---@param mark? string   tells that it was cut, within the width; "…"
---@return string
function term.truncate(text, width, mark)
  check_text(text, "truncate")
  check_room(width, "truncate", 0)
  check.type(mark, 3, "truncate", "string", true)
  return cells.truncate(text, width, mark)
end

--- Fill a text up with blanks; a wider one stays as it is.
---@param text string
---@param width integer  cells
---@param align? "left"|"right"|"center"  where the text is; "left"
---@return string
function term.pad(text, width, align)
  check_text(text, "pad")
  check_room(width, "pad", 0)
  if align ~= nil and align ~= "left" and align ~= "right" and align ~= "center" then
    check.fail(3, "pad", '"left", "right" or "center" expected')
  end
  return cells.pad(text, width, align)
end

--- Break a text into lines: at blanks, and words that are too long anywhere.
---@param text string
---@param width integer  cells, at least 1
---@return string[]
function term.wrap(text, width)
  check_text(text, "wrap")
  check_room(width, "wrap", 1)
  return cells.wrap(text, width)
end

--- Lay out rows in columns.  Cells may be any values; control characters in them become blanks.
---@param rows any[][]
---@param opts? lull.term.TableOptions
---@return string # lines, each with its newline
function term.table(rows, opts)
  check.type(rows, 1, "table", "table")
  check.options(opts, 2, "table", { header = "table", align = "table", width = "count",
    wrap = "boolean" })
  opts = opts or {}
  local width = opts.width
  if not width then width = color.is_terminal(1) and term.width() or math.maxinteger end
  return layout(rows, opts, width, term.bold)
end

-- ---- what is shown and asked ----

--- Print as `print` does, above bars and spinners, also where `print` was replaced.
---@param ... any
function term.print(...)
  local values <const> = table.pack(...)
  for i = 1, values.n do values[i] = tostring(values[i]) end
  screen.write(table.concat(values, "\t") .. "\n")
end

--- Ask for a line.  Others run meanwhile; tasks that ask take turns.  Where standard input is no
--- terminal no question is shown.  Cancelled, it forgets what was typed.
---@async
---@param question string   as it is shown: "Name: "
---@param default? string   for an empty answer
---@return string? # nil at the end of the input
function term.prompt(question, default)
  ask.check(question, "prompt")
  check.type(default, 2, "prompt", "string", true)
  return ask.line(question, default)
end

--- Ask until the answer is y, yes, n or no.
---@async
---@param question string    " [y/n] " is added
---@param default? boolean   for an empty answer
---@return boolean # at the end of the input the default, or false
function term.confirm(question, default)
  ask.check(question, "confirm")
  check.type(default, 2, "confirm", "boolean", true)
  return ask.yes_or_no(question, default)
end

--- Ask for a line that is not shown while it is typed.
---@async
---@param question string
---@return string? # nil at the end of the input
function term.password(question)
  ask.check(question, "password")
  return ask.secret(question)
end

return term
