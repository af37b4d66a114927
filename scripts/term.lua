--- lull.term: the terminal: colours, widths, progress, tables, questions.
--
-- All of it is plain text where there is no terminal.  scripts/types/term.lua says what every
-- function does.
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
local RESIZE_INTERVAL <const> = 0.1 -- seconds between two looks at the size

local function descriptor(stream, name)
  if stream == nil then return 1 end
  local fd <const> = DESCRIPTORS[stream]
  if not fd then check.fail(1, name, '"stdin", "stdout" or "stderr" expected') end
  return fd
end

-- ---- the terminal ----

function term.is_terminal(stream)
  return color.is_terminal(descriptor(stream, "is_terminal"))
end

function term.width()
  return (screen.size())
end

function term.height()
  return (select(2, screen.size()))
end

function term.wait_resize()
  local width <const>, height <const> = screen.size()
  local now_width, now_height
  repeat
    lull.sleep(RESIZE_INTERVAL)
    now_width, now_height = screen.size()
  until now_width ~= width or now_height ~= height
  return now_width, now_height
end

-- ---- styles ----

local chosen   -- by the script
local detected -- for standard output, when first asked

function term.colors(stream)
  local fd <const> = descriptor(stream, "colors")
  if chosen then return chosen end
  if fd ~= 1 then return color.detect(fd) end
  detected = detected or color.detect(1)
  return detected
end

local COUNTS <const> = { [0] = true, [16] = true, [256] = true, [1 << 24] = true }

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

function term.fg(value, text)
  return colored("fg", value, text, false)
end

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

function term.text_width(text)
  check_text(text, "text_width")
  return cells.width(text)
end

function term.strip(text)
  check_text(text, "strip")
  return cells.strip(text)
end

function term.truncate(text, width, mark)
  check_text(text, "truncate")
  check_room(width, "truncate", 0)
  check.type(mark, 3, "truncate", "string", true)
  return cells.truncate(text, width, mark)
end

function term.pad(text, width, align)
  check_text(text, "pad")
  check_room(width, "pad", 0)
  if align ~= nil and align ~= "left" and align ~= "right" and align ~= "center" then
    check.fail(3, "pad", '"left", "right" or "center" expected')
  end
  return cells.pad(text, width, align)
end

function term.wrap(text, width)
  check_text(text, "wrap")
  check_room(width, "wrap", 1)
  return cells.wrap(text, width)
end

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

function term.print(...)
  local values <const> = table.pack(...)
  for i = 1, values.n do values[i] = tostring(values[i]) end
  screen.write(table.concat(values, "\t") .. "\n")
end

function term.prompt(question, default)
  ask.check(question, "prompt")
  check.type(default, 2, "prompt", "string", true)
  return ask.line(question, default)
end

function term.confirm(question, default)
  ask.check(question, "confirm")
  check.type(default, 2, "confirm", "boolean", true)
  return ask.yes_or_no(question, default)
end

function term.password(question)
  ask.check(question, "password")
  return ask.secret(question)
end

return term
