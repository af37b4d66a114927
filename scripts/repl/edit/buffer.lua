--- lull.repl.edit.buffer: the text that is edited, its cursor, what undoes, and what was killed.
--
-- The cursor is the number of bytes before it.  A text is one string, made anew by every change:
-- prompts are short, and what undoes is then the strings that were.  All of it is bounded: the
-- text, the steps back and their bytes, the kills.
local glyph = require "lull.repl.edit.glyph"

local buffer = {}

local MAX_STEPS <const> = 500
local MAX_STEP_BYTES <const> = 4 << 20
local MAX_KILLS <const> = 32
local WORD <const> = "[%w_\x80-\xFF]"
local NO_WORD <const> = "[^%w_\x80-\xFF]"

---@class lull.repl.Buffer
---@field text string
---@field cursor integer  bytes before it
---@field max integer     bytes of the text
---@field kills string[]  the last one last; shared by all texts of an editor
local Buffer <const> = {}
Buffer.__index = Buffer

-- ---- changes and undoing ----

--- Remember the text before a change; changes of one sort in a row are one step.
function Buffer:_remember(sort)
  if sort and sort == self.sort then return end
  self.sort = sort
  local undo <const> = self.undo
  undo[#undo + 1] = { self.text, self.cursor }
  self.undo_bytes = self.undo_bytes + #self.text
  self.redo = {}
  while #undo > MAX_STEPS or self.undo_bytes > MAX_STEP_BYTES and #undo > 1 do
    self.undo_bytes = self.undo_bytes - #table.remove(undo, 1)[1]
  end
end

--- The next change is a step of its own.
function Buffer:seal()
  self.sort = nil
end

--- Put a text in place of the bytes from `first` to `last`; the cursor goes behind it.
---@param first integer
---@param last integer
---@param text string
---@param sort? string   changes of the same sort in a row are undone together
---@return boolean       false: the text would be too long
function Buffer:replace(first, last, text, sort)
  if #self.text - (last - first + 1) + #text > self.max then return false end
  self:_remember(sort)
  self.text = self.text:sub(1, first - 1) .. text .. self.text:sub(last + 1)
  self.cursor = first - 1 + #text
  return true
end

--- Insert at the cursor as much as there is room for.
---@param text string
---@param sort? string
---@return integer lost  bytes that had no room
function Buffer:insert(text, sort)
  local room <const> = self.max - #self.text
  local lost <const> = math.max(#text - room, 0)
  if lost > 0 then text = text:sub(1, room) end
  if text ~= "" then self:replace(self.cursor + 1, self.cursor, text, sort) end
  return lost
end

--- Put another text in place of the whole, the cursor at its end.
---@param text string
---@param cursor? integer
function Buffer:set(text, cursor)
  text = text:sub(1, self.max)
  if text ~= self.text then self:replace(1, #self.text, text) end
  self.cursor = math.min(cursor or #text, #text)
end

local function swap(self, from, to)
  local step <const> = table.remove(from)
  if not step then return false end
  to[#to + 1] = { self.text, self.cursor }
  self.text, self.cursor = step[1], step[2]
  self.sort = nil
  return true
end

--- Undo the last step.
---@return boolean  false: there is none
function Buffer:back()
  local before <const> = self.text
  if not swap(self, self.undo, self.redo) then return false end
  self.undo_bytes = self.undo_bytes - #self.text
  return before ~= self.text or self:back()
end

--- Do again what was undone.
---@return boolean
function Buffer:again()
  local before <const> = #self.text
  if not swap(self, self.redo, self.undo) then return false end
  self.undo_bytes = self.undo_bytes + before
  return true
end

-- ---- where things are ----

--- The cursor one glyph to the left.
---@return integer
function Buffer:left()
  return self.cursor > 0 and glyph.before(self.text, self.cursor) - 1 or 0
end

--- The cursor one glyph to the right.
---@return integer
function Buffer:right()
  local at <const> = self.cursor + 1
  return at <= #self.text and glyph.at(self.text, at) - 1 or #self.text
end

--- The start of the word at or before the cursor.
---@param blanks? boolean  words are what is between blanks
---@return integer
function Buffer:word_left(blanks)
  local inside <const> = blanks and "%S" or WORD
  local text <const>, at = self.text, self.cursor
  while at > 0 and not text:sub(at, at):find(inside) do at = at - 1 end
  while at > 0 and text:sub(at, at):find(inside) do at = at - 1 end
  return at
end

--- The end of the word at or behind the cursor.
---@return integer
function Buffer:word_right()
  local _, stop <const> = self.text:find("^" .. NO_WORD .. "*" .. WORD .. "*", self.cursor + 1)
  return stop
end

--- First and last byte of the line that the cursor, or this place, is in, without its newline.
---@param position? integer
---@return integer first, integer last
function Buffer:line(position)
  position = position or self.cursor
  local first = position
  while first > 0 and self.text:byte(first) ~= 10 do first = first - 1 end
  return first + 1, (self.text:find("\n", position + 1, true) or #self.text + 1) - 1
end

--- The place in the line above (-1) or below (1) in the column of the cursor; nil: there is none.
---@param direction integer
---@param column? integer  cells; of the cursor
---@return integer? position
---@return integer column
function Buffer:vertical(direction, column)
  local first <const>, last <const> = self:line()
  column = column or glyph.width(self.text:sub(first, self.cursor))
  local position = direction < 0 and first - 2 or last + 1
  if position < 0 or position > #self.text then return nil, column end
  local start <const>, stop <const> = self:line(position)
  position = start - 1
  local at = 0
  while position < stop do
    local following <const>, width <const> = glyph.at(self.text, position + 1)
    if at + width > column then break end
    position, at = following - 1, at + width
  end
  return position, column
end

-- ---- deleting, killing, yanking ----

--- Delete from the cursor to a place before or behind it.
---@param position integer
---@param sort? string
---@return string text  what was there
function Buffer:delete(position, sort)
  local from <const>, to <const> = math.min(position, self.cursor), math.max(position, self.cursor)
  local text <const> = self.text:sub(from + 1, to)
  if text ~= "" then self:replace(from + 1, to, "", sort) end
  return text
end

--- Kill from the cursor to a place; kills in a row are one.
---@param position integer
---@param goes_on boolean  the command before was a kill, too
function Buffer:kill(position, goes_on)
  local is_before <const> = position < self.cursor
  local text <const> = self:delete(position)
  if text == "" then return end
  local kills <const> = self.kills
  if goes_on and #kills > 0 then
    kills[#kills] = is_before and text .. kills[#kills] or kills[#kills] .. text
  else
    kills[#kills + 1] = text
    if #kills > MAX_KILLS then table.remove(kills, 1) end
  end
end

--- Insert the last kill.
---@return integer lost
function Buffer:yank()
  local text <const> = self.kills[#self.kills]
  if not text then return 0 end
  self:seal()
  local before <const> = self.cursor
  local lost <const> = self:insert(text)
  self.yanked = self.cursor - before
  return lost
end

--- Put the kill before in place of the one that was yanked just now.
function Buffer:yank_before()
  local kills <const> = self.kills
  if #kills < 2 then return end
  table.insert(kills, 1, table.remove(kills))
  local before <const> = self.cursor - self.yanked
  if self:replace(before + 1, self.cursor, kills[#kills]) then self.yanked = self.cursor - before end
end

-- ---- words and characters ----

--- Exchange the glyphs around the cursor; at the end of a line the last two.
function Buffer:transpose()
  local first <const>, last <const> = self:line()
  if self.cursor == last then self.cursor = self:left() end
  if self.cursor < first then return end
  local left <const>, right <const> = self:left(), self:right()
  if right > last or left < first - 1 then return end
  local middle <const> = self.cursor
  self:replace(left + 1, right, self.text:sub(middle + 1, right) .. self.text:sub(left + 1, middle))
end

--- Change the word at or behind the cursor, as a function says.
---@param change fun(word: string): string
function Buffer:change_word(change)
  local stop <const> = self:word_right()
  if stop <= self.cursor then return end
  self:replace(self.cursor + 1, stop, change(self.text:sub(self.cursor + 1, stop)))
end

--- Make an empty one.
---@param max integer  bytes
---@param kills string[]
---@return lull.repl.Buffer
function buffer.new(max, kills)
  return setmetatable({ text = "", cursor = 0, max = max, kills = kills, undo = {}, redo = {},
    undo_bytes = 0, yanked = 0 }, Buffer)
end

return buffer
