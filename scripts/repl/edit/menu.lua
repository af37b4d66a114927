--- lull.repl.edit.menu: completion.
--
-- Tab completes what all candidates have in common.  Where that is nothing they are shown below
-- the text, and Tab and Shift-Tab walk through them, each in its place in the text.  Enter keeps
-- the one that is there, Esc puts back what was; while text is typed the candidates follow it.
local glyph = require "lull.repl.edit.glyph"

local menu = {}

local utf8_length <const> = utf8.len
local MAX_ROWS <const> = 10
local GAP <const> = 2 -- cells between columns

---@class lull.repl.Menu
---@field candidates { text: string, note: string? }[]
---@field chosen integer  0: none yet
local Menu <const> = {}
Menu.__index = Menu

--- Is this what the function of the host may return?
local function is_good(first, candidates, cursor)
  if math.type(first) ~= "integer" or first < 1 or first > cursor + 1 or type(candidates) ~= "table" then
    return false
  end
  for _, item in ipairs(candidates) do
    if type(item) ~= "table" or type(item.text) ~= "string" or type(item.note or "") ~= "string" then return false end
  end
  return true
end

--- Ask for candidates; nil when there are none.  Where they are not all: what all begin with.
local function ask(editor)
  local complete <const>, buffer <const> = editor.options.complete, editor.buffer
  if not complete then return nil end
  local ok <const>, first <const>, candidates <const>, common <const> = pcall(complete, buffer.text, buffer.cursor)
  if not ok then
    editor.message = "completion: " .. tostring(first)
    return nil
  end
  if not first then return nil end
  if not is_good(first, candidates, buffer.cursor) or type(common or "") ~= "string" then
    editor.message = "completion: these are no candidates"
    return nil
  end
  if #candidates == 0 then return nil end
  return first, candidates, common
end

--- What all candidates, and those that are not there, begin with, whole characters of it.
local function common_start(candidates, common)
  local start = common or candidates[1].text
  for i = 2, #candidates do
    local text <const>, size = candidates[i].text, 0
    while size < #start and start:byte(size + 1) == text:byte(size + 1) do size = size + 1 end
    start = start:sub(1, size)
  end
  local size <const> = #start
  while #start > 0 and not utf8_length(start) and size - #start < 4 do start = start:sub(1, -2) end
  return start
end

--- Show candidates; the first of them is replaced from byte `first` on.
local function open(editor, first, candidates)
  local buffer <const> = editor.buffer
  editor.mode = setmetatable({ editor = editor, first = first, candidates = candidates, chosen = 0,
    typed = buffer.text:sub(first, buffer.cursor) }, Menu)
end

--- Tab.
---@param editor lull.repl.Editor
function menu.complete(editor)
  local first <const>, candidates <const>, common <const> = ask(editor)
  if not first then return end
  local buffer <const> = editor.buffer
  local word <const> = buffer.text:sub(first, buffer.cursor)
  local start <const> = common_start(candidates, common)
  buffer:seal()
  if #candidates == 1 and not common or #start > #word then
    if start ~= word and not buffer:replace(first, buffer.cursor, start) then editor:too_long(#start) end
  else
    open(editor, first, candidates)
  end
end

--- Put a candidate, or what was typed, into the text.
function Menu:_put()
  local candidate <const> = self.candidates[self.chosen]
  local buffer <const> = self.editor.buffer
  buffer:replace(self.first, buffer.cursor, candidate and candidate.text or self.typed, "menu")
end

function Menu:_walk(by)
  local count <const> = #self.candidates
  if self.chosen == 0 then self.chosen = by > 0 and 1 or count
  elseif math.abs(by) == 1 then self.chosen = (self.chosen - 1 + by) % count + 1
  else self.chosen = math.max(1, math.min(self.chosen + by, count)) end
  self:_put()
end

function Menu:_close()
  self.editor.mode = nil
  self.editor.buffer:seal()
end

--- Ask again, as the text is another.
function Menu:_ask_again()
  self:_close()
  local first <const>, candidates <const> = ask(self.editor)
  if first then open(self.editor, first, candidates) end
end

local keys <const> = {
  tab = function(self) self:_walk(1) end,
  ["shift-tab"] = function(self) self:_walk(-1) end,
}

local when_chosen <const> = {
  down = function(self) self:_walk(1) end,
  up = function(self) self:_walk(-1) end,
  right = function(self) self:_walk(math.max(self.rows or 1, 1)) end,
  left = function(self) self:_walk(-math.max(self.rows or 1, 1)) end,
  enter = Menu._close,
}

--- Take a key.
---@param event table
---@return boolean  false: it is not for the menu, which has ended
function Menu:key(event)
  local fn <const> = keys[event.key] or self.chosen > 0 and when_chosen[event.key]
  if fn then
    fn(self)
    return true
  end
  if event.key == "escape" or event.key == "ctrl-g" then
    if self.chosen > 0 then
      self.chosen = 0
      self:_put()
    end
    self:_close()
    return true
  end
  if event.key == "text" and self.chosen == 0 or event.key == "backspace" and self.chosen == 0 then
    self.editor:command(event)
    if self.editor.mode == self then self:_ask_again() end
    return true
  end
  self:_close()
  return false
end

--- The candidates in columns.
---@param columns integer
---@param room integer  rows
---@return table[] lines  for lull.repl.Content.below
function Menu:below(columns, room)
  local list <const>, count <const> = self.candidates, #self.candidates
  room = math.max(math.min(room, MAX_ROWS), 1)
  local widest = 1
  for i = 1, math.min(count, 1000) do
    local item <const> = list[i]
    local width <const> = glyph.width(item.text) + (item.note and glyph.width(item.note) + 1 or 0)
    if width > widest then widest = width end
  end
  local wide <const> = math.min(widest + GAP, columns)
  local across <const> = math.max(columns // wide, 1)
  local rows = math.min((count + across - 1) // across, room)
  if rows * across < count and rows > 1 then rows = rows - 1 end -- the last one says how many more
  self.rows = rows
  local page <const> = rows * across
  local from <const> = (math.max(self.chosen, 1) - 1) // page * page
  local lines <const> = {}
  for row = 1, math.min(rows, count - from) do
    local line <const> = {}
    for column = 0, across - 1 do
      local index <const> = from + column * rows + row
      if list[index] and index <= from + page then self:_cell(line, index, wide) end
    end
    lines[row] = line
  end
  local more <const> = count - from - page
  if more > 0 and room > 1 then
    lines[#lines + 1] = { { ("... and %d more"):format(more), "dim" } }
  elseif from > 0 and room > 1 then
    lines[#lines + 1] = { { ("(%d of %d)"):format(self.chosen, count), "dim" } }
  end
  return lines
end

--- One candidate, filled up to its column.
function Menu:_cell(line, index, wide)
  local item <const> = self.candidates[index]
  line[#line + 1] = { item.text, index == self.chosen and "inverse" or nil }
  local used = glyph.width(item.text)
  if item.note then
    line[#line + 1] = { " " .. item.note, "dim" }
    used = used + 1 + glyph.width(item.note)
  end
  line[#line + 1] = { (" "):rep(wide - used) }
end

return menu
