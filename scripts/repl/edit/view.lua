--- lull.repl.edit.view: what is on the screen, and the least that makes it something else.
--
-- The rows of the prompt are known cell by cell.  A new picture is compared with them, and only
-- what differs is written.  Rows are ended by newlines of ours, never by the terminal, so that
-- it does not join them when it becomes wider.  A text that is taller than the screen is shown
-- in part; when it is done all of it is written, for the terminal's memory.
--
-- Nothing is written here: every function returns what is to be.
local color = require "lull.term.color"
local layout = require "lull.repl.edit.layout"

local view = {}

local concat <const> = table.concat
local MIN_COLUMNS <const> = 4

---@class lull.repl.View
---@field columns integer
---@field height integer
---@field has_color boolean
---@field rows lull.repl.Row[]  on the screen
---@field row integer     of the cursor, from 0
---@field column integer  likewise; `columns`: behind the last cell
---@field top integer     rows of the text above those that are shown
local View <const> = {}
View.__index = View

-- ---- styles ----

--- What turns a style on, everything else being off.
function View:_paint(style)
  if not style then return "\27[0m" end
  local text = self.paints[style]
  if text then return text end
  if style:find("^\27") then return "\27[0m" .. style end
  local parameters <const> = { "0" }
  for name in style:gmatch "%S+" do
    local pair <const> = color.styles[name]
    if pair then
      parameters[#parameters + 1] = pair[1]
    elseif self.has_color then
      local base <const> = name:match "^on_(.+)$"
      parameters[#parameters + 1] = (color.parameters(base or name, 16, base ~= nil))
    end
  end
  text = "\27[" .. concat(parameters, ";") .. "m"
  self.paints[style] = text
  return text
end

-- ---- moving ----

--- Move to a cell of a row that is on the screen.
function View:_move(out, row, column)
  local rows <const> = row - self.row
  if rows ~= 0 then out[#out + 1] = ("\27[%d%s"):format(math.abs(rows), rows < 0 and "A" or "B") end
  if column ~= self.column or self.column >= self.columns then
    if column == 0 then
      out[#out + 1] = "\r"
    elseif rows == 0 and column == self.column - 1 and self.column < self.columns then
      out[#out + 1] = "\b"
    else
      out[#out + 1] = ("\27[%dG"):format(column + 1)
    end
  end
  self.row, self.column = row, column
end

--- Write pictures of a row, from where the cursor is.
function View:_write(out, row, first, last)
  local style = false
  for i = first, last do
    if row.styles[i] ~= style then
      style = row.styles[i]
      out[#out + 1] = self:_paint(style)
    end
    out[#out + 1] = row.pictures[i]
    self.column = self.column + row.cells[i]
  end
  if style then out[#out + 1] = "\27[0m" end
end

-- ---- drawing ----

local function same(a, i, b, k)
  return a.pictures[i] == b.pictures[k] and a.styles[i] == b.styles[k] and a.cells[i] == b.cells[k]
end

--- Make row `index` (from 0) on the screen, `old`, look as `row`.
function View:_update(out, index, old, row)
  if old == row then return end
  local first, column = 1, 0
  while first <= row.count and first <= old.count and same(row, first, old, first) do
    column = column + row.cells[first]
    first = first + 1
  end
  if first > row.count and first > old.count then return end
  local last, old_last = row.count, old.count
  if row.width == old.width then
    while last >= first and old_last >= first and same(row, last, old, old_last) do
      last, old_last = last - 1, old_last - 1
    end
  end
  self:_move(out, index, column)
  self:_write(out, row, first, last)
  if row.width < old.width then out[#out + 1] = "\27[K" end
end

--- The part of the rows that there is room for, and what is below; the row of the cursor in it.
function View:_choose(rows, row, below)
  local room <const> = math.max(self.height - #below, 1)
  if #rows <= room then
    self.top = 0
    if #below == 0 then return rows, row end
  else
    local top <const> = math.max(math.min(self.top, row), row - room + 1)
    self.top = math.min(top, #rows - room)
  end
  local shown <const> = table.move(rows, self.top + 1, math.min(self.top + room, #rows), 1, {})
  table.move(below, 1, math.min(#below, self.height - #shown), #shown + 1, shown)
  return shown, row - self.top
end

--- Show rows in place of those on the screen; the cursor goes where it is told.
function View:_show(out, rows, row, column)
  local old <const> = self.rows
  for i = 1, #rows do
    if i <= #old then
      self:_update(out, i - 1, old[i], rows[i])
    else
      if i > 1 then
        if self.row ~= i - 2 then self:_move(out, i - 2, 0) end
        out[#out + 1] = "\r\n"
        self.row, self.column = i - 1, 0
      end
      self:_write(out, rows[i], 1, rows[i].count)
    end
  end
  if #old > #rows then
    self:_move(out, #rows, 0)
    out[#out + 1] = "\27[J"
  end
  self.rows = rows
  self:_move(out, row, column)
end

--- Show something.
---@param content lull.repl.Content
---@return string  to be written
function View:draw(content)
  local rows, row <const>, column <const> = layout.rows(content, self.columns, self.memory)
  local shown_row
  local below = {}
  if content.below then -- the text keeps half of the screen
    local room <const> = self.height - math.min(#rows, (self.height + 1) // 2)
    below = layout.cut(content.below(self.columns, room), self.columns)
  end
  rows, shown_row = self:_choose(rows, row, below)
  local out <const> = {}
  self:_show(out, rows, shown_row, column)
  return concat(out)
end

--- Show something for the last time, all of it, and go to the line below.
---@param content lull.repl.Content
---@return string
function View:finish(content)
  local rows <const> = layout.rows(content, self.columns, self.memory)
  local out <const> = {}
  if #rows > self.height or self.top > 0 then out[1] = self:erase() end
  local last <const> = rows[#rows]
  self:_show(out, rows, #rows - 1, last.width)
  out[#out + 1] = "\r\n"
  self:forget()
  return concat(out)
end

--- Take everything off the screen; the cursor is where it began.
---@return string
function View:erase()
  local out <const> = {}
  self:_move(out, 0, 0)
  out[#out + 1] = "\27[J"
  self:forget()
  return concat(out)
end

--- Clear the screen.
---@return string
function View:clear()
  self:forget()
  return "\27[H\27[2J"
end

--- There is nothing on the screen, and the cursor is at the start of a row.
function View:forget()
  self.rows, self.row, self.column, self.top = {}, 0, 0, 0
end

--- What begins a row of its own, whatever has been written before: blanks that go over the end
--- of a row that is not empty.
---@return string
function View:fresh_row()
  return (" "):rep(self.columns) .. "\r\27[J"
end

--- The terminal has another size now.  Most have broken the rows that became too long.
---@param columns? integer  nil: unknown
---@param height? integer
---@return string  takes everything off the screen
function View:resize(columns, height)
  columns = math.max(columns or 80, MIN_COLUMNS)
  local above = 0
  for i = 1, self.row do
    above = above + math.max((self.rows[i].width + columns - 1) // columns, 1)
  end
  above = above + math.min(self.column, self.columns - 1) // columns
  self.columns, self.height = columns, math.max(height or 24, 1)
  self:forget()
  return "\r" .. (above > 0 and ("\27[%dA"):format(above) or "") .. "\27[J"
end

--- Make one for an empty screen.
---@param columns? integer  nil: unknown
---@param height? integer
---@param has_color boolean
---@return lull.repl.View
function view.new(columns, height, has_color)
  local self <const> = setmetatable({ columns = math.max(columns or 80, MIN_COLUMNS),
    height = math.max(height or 24, 1), has_color = has_color, paints = {}, memory = {} }, View)
  self:forget()
  return self
end

return view
