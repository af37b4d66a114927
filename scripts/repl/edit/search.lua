--- lull.repl.edit.search: looking for something in the history while it is typed.
--
-- Ctrl-R looks further back, Ctrl-S forward again; Backspace takes back the last step.  Enter
-- takes what was found and is done, Esc and Ctrl-G leave everything as it was, and every other
-- key takes what was found and does what it always does.  Without a capital letter in what is
-- looked for, capitals do not matter.
local glyph = require "lull.repl.edit.glyph"

local search = {}

---@class lull.repl.Search
local Search <const> = {}
Search.__index = Search

--- Where a text is in another.
local function find(text, query)
  if not query:find "%u" then text = text:lower() end
  return text:find(query, 1, true)
end

--- Look from an entry on; forward when direction is 1.
function Search:_look(index, direction)
  local past <const>, shown <const> = self.past, self.text
  self.direction = direction
  while index >= 1 and index <= past.count do
    local text <const> = past.history:get(index)
    local first <const> = text and find(text, self.query)
    if first and (text ~= shown or index == self.index) then
      self.index, self.text, self.first, self.fails = index, text, first, false
      return
    end
    index = index + direction
  end
  self.fails = true
end

--- Remember the state, to come back to it.
function Search:_push()
  local states <const> = self.states
  states[#states + 1] = { query = self.query, index = self.index, text = self.text, first = self.first,
    fails = self.fails, direction = self.direction }
end

--- Look further.
function Search:_again(direction)
  if self.query == "" then
    local query <const> = self.editor.searched
    if not query then return end
    self:_push()
    self.query = query
    self:_look(self.index, direction)
  else
    self:_push()
    self:_look(self.index + direction, direction)
  end
end

--- Go back to the state before the last key.
function Search:_back()
  local state <const> = table.remove(self.states)
  if not state then return end
  for name, value in pairs(state) do self[name] = value end
end

local function show(self)
  local buffer <const> = self.editor.buffer
  buffer.text, buffer.cursor = self.text, self.first and self.first - 1 or math.min(self.cursor, #self.text)
end

local keys <const> = {
  ["ctrl-r"] = function(self) self:_again(-1) end,
  ["ctrl-s"] = function(self) self:_again(1) end,
  backspace = Search._back,
  ["ctrl-h"] = Search._back,
}

function keys.text(self, event)
  if #self.query + #event.text > 256 then return end
  self:_push()
  self.query = self.query .. event.text
  self:_look(self.index, self.direction)
end

function keys.paste(self, event)
  keys.text(self, { text = (event.text:match "^[^%c]*") })
end

--- End: with what was there before, or with what was found.
function Search:_leave(takes)
  local editor <const> = self.editor
  local found <const>, cursor <const> = self.text, self.first and self.first - 1
  if self.query ~= "" then editor.searched = self.query end
  editor.mode = nil
  editor.buffer.text, editor.buffer.cursor = self.old_text, self.cursor
  if takes and self.first then
    editor.buffer:set(found, cursor)
    self.past.index = self.index
  end
end

--- Take a key.
---@param event table
---@return boolean  false: it is not for the search, which has ended
function Search:key(event)
  local fn <const> = keys[event.key]
  if fn then
    fn(self, event)
    show(self)
    return true
  end
  if event.key == "escape" or event.key == "ctrl-g" or event.key == "ctrl-c" then
    self:_leave(false)
    return true
  end
  self:_leave(true)
  return false
end

--- What stands in place of the prompt.
---@return string
function Search:prompt()
  local parts <const>, at = {}, 1
  while at <= #self.query do
    local stop <const>, _, picture <const> = glyph.at(self.query, at)
    parts[#parts + 1], at = picture, stop
  end
  return ("(%s%s-search)`%s': "):format(self.fails and "failing " or "",
    self.direction < 0 and "reverse" or "forward", table.concat(parts))
end

--- The bytes that were found, for a style.
---@return integer? first, integer? last
function Search:found()
  if self.first and self.query ~= "" then return self.first, self.first + #self.query - 1 end
  return nil
end

--- Begin.
---@param editor lull.repl.Editor
---@param direction integer  -1: to older entries
---@return lull.repl.Search
function search.new(editor, direction)
  local buffer <const>, past <const> = editor.buffer, editor.past
  local index <const> = math.min(past.index, past.count)
  return setmetatable({ editor = editor, past = past, query = "", index = index,
    direction = direction, text = buffer.text, old_text = buffer.text, cursor = buffer.cursor, states = {} }, Search)
end

return search
