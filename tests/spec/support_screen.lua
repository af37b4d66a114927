--- support_screen.lua: a terminal to test with: what is written becomes a screen that can be compared.
---
--- It knows what lull.repl.edit writes, and refuses every sequence that it does not know.  As most
--- terminals do it wraps late (the cursor stays in the last column until the next character), scrolls
--- lines off at the top into a memory, and breaks lines that are too long when it becomes narrower.

local glyph_width <const> = require("lull.term.cells").width

local Screen <const> = {}
Screen.__index = Screen

local function new_screen(columns, rows)
  return setmetatable({ columns = columns, rows = rows, lines = { {} }, row = 1, column = 1, top = 0,
    style = "", writes = 0, bytes = 0, modes = {}, rest = "" }, Screen)
end

--- The line of a row of the screen, from 1.
function Screen:line(row)
  local index <const> = self.top + row
  while #self.lines < index do self.lines[#self.lines + 1] = {} end
  return self.lines[index]
end

function Screen:down()
  if self.row < self.rows then self.row = self.row + 1 else self.top = self.top + 1 end
  self:line(self.row)
end

function Screen:put(char)
  local width <const> = glyph_width(char)
  local line = self:line(self.row)
  if width == 0 then
    local at = math.min(self.column - 1, self.columns)
    while line[at] and line[at].text == "" do at = at - 1 end
    if line[at] then line[at].text = line[at].text .. char end
    return
  end
  if self.column + width - 1 > self.columns then
    self.column = 1
    self:down()
    line = self:line(self.row)
  end
  for i = #line + 1, self.column - 1 do line[i] = { text = " ", style = "" } end
  line[self.column] = { text = char, style = self.style }
  if width == 2 then line[self.column + 1] = { text = "", style = self.style } end
  self.column = self.column + width
end

function Screen:clear_from(row, column)
  local line <const> = self:line(row)
  for i = column, #line do line[i] = nil end
end

local sequences <const> = {}

local function to_row(self, row)
  self.row, self.column = math.max(1, math.min(row, self.rows)), math.min(self.column, self.columns)
end

function sequences.A(self, n) to_row(self, self.row - n) end
function sequences.B(self, n) to_row(self, self.row + n) end
function sequences.G(self, n) self.column = math.min(n, self.columns) end
function sequences.K(self) self:clear_from(self.row, self.column) end
function sequences.H(self) self.row, self.column = 1, 1 end

function sequences.J(self, _, parameters)
  local from <const> = parameters == "2" and 0 or self.row
  if from > 0 then self:clear_from(self.row, self.column) end
  for row = from + 1, self.rows do self:clear_from(row, 1) end
end

function sequences.m(self, _, parameters)
  for number in (parameters == "" and "0" or parameters):gmatch "%d+" do
    self.style = number == "0" and "" or self.style .. (self.style == "" and "" or ";") .. number
  end
end

function sequences.h(self, _, parameters) self.modes[parameters] = true end
function sequences.l(self, _, parameters) self.modes[parameters] = nil end

--- Take what a program writes.
function Screen:feed(text)
  self.writes, self.bytes, self.last = self.writes + 1, self.bytes + #text, text
  text = self.rest .. text
  self.rest = ""
  local at = 1
  while at <= #text do
    local byte <const> = text:byte(at)
    local parameters <const>, final <const>, stop = text:match("^\27%[([?%d;]*)(%a)()", at)
    if final then
      assert(sequences[final], "unknown sequence")(self, tonumber(parameters) or 1, parameters)
    elseif byte == 27 and #text - at < 16 and text:find("^\27%[?[?%d;]*$", at) then
      self.rest, stop = text:sub(at), #text + 1
    elseif byte == 13 then
      self.column, stop = 1, at + 1
    elseif byte == 10 then
      self:down()
      stop = at + 1
    elseif byte == 9 then
      self.column, stop = math.min((self.column - 1) // 8 * 8 + 9, self.columns), at + 1
    elseif byte == 8 then
      self.column, stop = math.max(math.min(self.column, self.columns) - 1, 1), at + 1
    elseif byte < 32 then
      if byte ~= 7 then error(("a control character is written: %q"):format(text:sub(at, at + 10))) end
      stop = at + 1
    else
      local char <const> = text:match("^[\xC2-\xF4][\x80-\xBF]*", at) or text:sub(at, at)
      if at + #char > #text and not utf8.len(char) then
        self.rest, stop = char, #text + 1
      else
        self:put(char)
        stop = at + #char
      end
    end
    at = stop
  end
end

--- The rows as text, without blanks at their ends and empty rows at the end; `all`: with what has
--- been scrolled off.
function Screen:text(all)
  local list <const> = {}
  for index = all and 1 or self.top + 1, #self.lines do
    local pieces <const> = {}
    for _, cell in ipairs(self.lines[index]) do pieces[#pieces + 1] = cell.text end
    list[#list + 1] = (table.concat(pieces):gsub(" +$", ""))
  end
  while list[#list] == "" do list[#list] = nil end
  return table.concat(list, "\n")
end

--- The characters of a row that have a style (its parameters, "2", or any), joined.
function Screen:styled(row, style)
  local pieces <const> = {}
  for _, cell in ipairs(self:line(row)) do
    if cell.style == style then pieces[#pieces + 1] = cell.text end
  end
  return table.concat(pieces)
end

--- Row and column of the cursor, from 1.
function Screen:cursor()
  return self.row, math.min(self.column, self.columns)
end

--- Another size.  Lines that become too long are broken, each by itself.
function Screen:resize(columns, rows)
  local lines <const>, row = {}, 1
  while #self.lines > self.top + self.row and #self.lines[#self.lines] == 0 do table.remove(self.lines) end
  for index, line in ipairs(self.lines) do
    local count <const> = math.max(1, (#line + columns - 1) // columns)
    if index == self.top + self.row then
      row = #lines + 1 + (math.min(self.column, self.columns) - 1) // columns
      self.column = (math.min(self.column, self.columns) - 1) % columns + 1
    end
    for part = 1, count do
      lines[#lines + 1] = table.move(line, (part - 1) * columns + 1, math.min(part * columns, #line), 1, {})
    end
  end
  self.lines, self.columns, self.rows = lines, columns, rows
  self.top = math.max(math.min(self.top, #lines - 1), row - rows, 0)
  if #lines - self.top > rows then self.top = #lines - rows end
  if row <= self.top then self.top = row - 1 end
  self.row = row - self.top
end

return new_screen
