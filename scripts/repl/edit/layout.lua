--- lull.repl.edit.layout: from a text to the rows of a terminal.
--
-- A row is three lists: pictures, their styles, their cells.  A style is a name (names, with
-- blanks between) of lull.term, or the escape sequences themselves, for what came with some.
local glyph = require "lull.repl.edit.glyph"

local layout = {}

local byte <const> = string.byte

---@class lull.repl.Row
---@field pictures string[]
---@field styles (string|false)[]
---@field cells integer[]
---@field count integer
---@field width integer

---@class lull.repl.Content
---@field above? string   the start of a line of output, which has no end yet
---@field prompt string
---@field prompt2 string  before the lines that follow
---@field text string
---@field cursor integer
---@field spans? table    {first, last, style}, in order
---@field marks? table<integer, string>  styles by byte, before those of spans
---@field hint? string    behind the text, on its row as far as there is room
---@field below? fun(columns: integer, room: integer): table  lines below, each a list of {text, style}

local Builder <const> = {}
Builder.__index = Builder

function Builder:row_ends()
  local row <const> = { pictures = {}, styles = {}, cells = {}, count = 0, width = 0 }
  self.rows[#self.rows + 1] = row
  self.row = row
end

function Builder:put(picture, width, style)
  if width > self.columns then picture, width = "?", 1 end
  local row = self.row
  if row.width + width > self.columns then
    self:row_ends()
    row = self.row
  end
  local count <const> = row.count + 1
  row.pictures[count], row.styles[count], row.cells[count] = picture, style or false, width
  row.count, row.width = count, row.width + width
end

--- Put a text that may have styles of its own; other sequences and controls are dropped.
function Builder:put_styled(text)
  local at, style = 1, ""
  while at <= #text do
    local code <const> = byte(text, at)
    local parameters <const>, stop = text:match("^\27%[([%d;:]*)m()", at)
    if parameters then
      style = parameters:find "^0*$" and "" or style .. "\27[" .. parameters .. "m"
    elseif code == 27 then
      stop = text:match("^\27%[[0-?]*[ -/]*[@-~]()", at) or text:match("^\27%][^\7\27]*\7()", at)
        or text:match("^\27%][^\7\27]*\27\\()", at) or at + 1
    elseif code == 10 then
      self:row_ends()
      stop = at + 1
    elseif code < 32 and code ~= 9 or code == 127 then
      stop = at + 1
    else
      local width, picture
      stop, width, picture = glyph.at(text, at)
      self:put(picture, width, style ~= "" and style)
    end
    at = stop
  end
end

--- The cursor is here, before something so wide.
function Builder:set_cursor(width)
  if self.row.width + width > self.columns then self:row_ends() end
  self.cursor_row, self.cursor_column = #self.rows - 1, self.row.width
end

--- Put a line of the text: the bytes from `at` to `last`.
function Builder:put_line(content, at, last)
  local text <const>, cursor <const>, marks <const> = content.text, content.cursor, content.marks
  local spans <const> = content.spans or {}
  local index = self.span
  local span = spans[index]
  while at <= last do
    local stop <const>, width <const>, picture <const>, is_plain <const> = glyph.at(text, at)
    while span and span[2] < at do
      index = index + 1
      span = spans[index]
    end
    local style = span and span[1] <= at and span[3] or false
    if not is_plain then style = "inverse" end
    if at == cursor + 1 then self:set_cursor(width) end
    self:put(picture, width, marks and marks[at] or style)
    at = stop
  end
  if cursor == last then self:set_cursor(1) end
end

--- What a line without cursor and marks is known by: its text and its styles.
function Builder:key(content, first, last)
  local parts <const>, spans <const> = {}, content.spans or {}
  local index = self.span
  while spans[index] and spans[index][2] < first do index = index + 1 end
  self.span = index
  while spans[index] and spans[index][1] <= last do
    local span <const> = spans[index]
    parts[#parts + 1] = ("%d %d %s\n"):format(span[1] - first, span[2] - first, span[3])
    index = index + 1
  end
  parts[#parts + 1] = content.text:sub(first, last)
  return table.concat(parts)
end

--- Put the text, with its prompts.  Lines but the first that are as they were are taken from
--- the time before.
function Builder:put_text(content, memory)
  local text <const>, cursor <const> = content.text, content.cursor
  local low, high = math.maxinteger, 0
  for at in pairs(content.marks or {}) do low, high = math.min(low, at), math.max(high, at) end
  local first, known <const> = 1, {}
  repeat
    local last <const> = (text:find("\n", first, true) or #text + 1) - 1
    local is_plain <const> = first > 1 and (cursor < first - 1 or cursor > last) and (high < first or low > last)
    local key <const> = self:key(content, first, last)
    local rows = is_plain and (known[key] or memory.lines[key])
    if rows then
      table.move(rows, 1, #rows, #self.rows + 1, self.rows)
    else
      local before <const> = #self.rows
      if first > 1 then
        self:row_ends()
        self:put_styled(content.prompt2)
      end
      self:put_line(content, first, last)
      rows = is_plain and table.move(self.rows, before + 1, #self.rows, 1, {})
    end
    if rows then known[key] = rows end
    self.row = self.rows[#self.rows]
    first = last + 2
  until first > #text + 1
  memory.lines = known
end

--- Put as much of a line as there is room on the row, with a mark where there was more.
function Builder:put_cut(text, style)
  local at <const>, size <const> = 1, #text
  local room = self.columns - self.row.width
  local position = at
  while position <= size and room > 0 do
    local stop <const>, width <const>, picture <const> = glyph.at(text, position)
    if width > room or width == room and stop <= size then
      self:put("…", 1, style)
      return
    end
    self:put(picture, width, style)
    room, position = room - width, stop
  end
end

--- Lay out.
---@param content lull.repl.Content
---@param columns integer
---@param memory table   of the view: the lines of the time before
---@return lull.repl.Row[] rows
---@return integer row          of the cursor, from 0
---@return integer column       of the cursor, from 0
function layout.rows(content, columns, memory)
  if memory.columns ~= columns or memory.prompt2 ~= content.prompt2 then
    memory.columns, memory.prompt2, memory.lines = columns, content.prompt2, {}
  end
  local builder <const> = setmetatable({ rows = {}, columns = columns, span = 1 }, Builder)
  builder:row_ends()
  if content.above and content.above ~= "" then
    builder:put_styled(content.above)
    builder:row_ends()
  end
  builder:put_styled(content.prompt)
  builder:put_text(content, memory)
  if content.hint then builder:put_cut(content.hint, "dim") end
  return builder.rows, builder.cursor_row, builder.cursor_column
end

--- Lay out lines that are cut where they are too long.
---@param lines table[]  each a list of {text, style}
---@param columns integer
---@return lull.repl.Row[]
function layout.cut(lines, columns)
  local builder <const> = setmetatable({ rows = {}, columns = columns }, Builder)
  for _, line in ipairs(lines) do
    builder:row_ends()
    for _, part in ipairs(line) do builder:put_cut(part[1], part[2]) end
  end
  return builder.rows
end

return layout
