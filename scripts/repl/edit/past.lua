--- lull.repl.edit.past: walking through the history, and the hint from it.
--
-- What is changed in an entry on the way is kept until the line is done, as is the text that
-- was there first, which stands behind the newest entry.
local past = {}

local HINT_DEPTH <const> = 2000 -- entries that are looked at

---@class lull.repl.Past
---@field history table
---@field index integer   of the entry that is edited; count + 1: the new text
---@field count integer
---@field changed table<integer, string>
local Past <const> = {}
Past.__index = Past

--- An entry as it is now.
function Past:_get(index)
  return self.changed[index] or index <= self.count and self.history:get(index) or ""
end

--- Go to an entry.
function Past:_go(buffer, index, cursor)
  self.changed[self.index] = buffer.text
  self.index = index
  buffer:set(self:_get(index), cursor)
end

--- One entry back (-1) or forward (1).
---@param buffer lull.repl.Buffer
---@param direction integer
function Past:walk(buffer, direction)
  local index <const> = self.index + direction
  if index >= 1 and index <= self.count + 1 then self:_go(buffer, index) end
end

--- To the next entry back (-1) or forward (1) that begins as the text before the cursor.
---@param buffer lull.repl.Buffer
---@param direction integer
function Past:walk_same(buffer, direction)
  local start <const>, size <const> = buffer.text:sub(1, buffer.cursor), buffer.cursor
  local index = self.index + direction
  while index >= 1 and index <= self.count + 1 do
    local text <const> = self:_get(index)
    if text:sub(1, size) == start and (text ~= buffer.text or index > self.count) then
      self:_go(buffer, index, size)
      return
    end
    index = index + direction
  end
end

--- To the oldest entry, or back to the new text.
---@param buffer lull.repl.Buffer
---@param direction integer
function Past:jump(buffer, direction)
  if self.count > 0 then self:_go(buffer, direction < 0 and 1 or self.count + 1) end
end

--- What the newest entry that begins with a text adds to it.
---@param text string
---@return string?
function Past:hint(text)
  local size <const> = #text
  local last <const> = self.hinted
  if last and #last > size and last:sub(1, size) == text then return last:sub(size + 1) end
  if text == self.unhinted then return nil end
  self.hinted = nil
  for index = self.count, math.max(1, self.count - HINT_DEPTH + 1), -1 do
    local entry <const> = self.history:get(index)
    if entry and #entry > size and entry:sub(1, size) == text then
      self.hinted = entry
      return entry:sub(size + 1)
    end
  end
  self.unhinted = text
  return nil
end

local none <const> = { count = function() return 0 end, get = function() return nil end }

--- Begin behind the newest entry.
---@param history? table
---@return lull.repl.Past
function past.new(history)
  history = history or none
  local count <const> = history:count()
  return setmetatable({ history = history, count = count, index = count + 1, changed = {} }, Past)
end

return past
