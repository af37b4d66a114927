--- lull.compat.socket.inbox: what came and was not asked for yet; lines and counts of it.
local inbox = {}

local MAX_LINE <const> = 1 << 20
local MAX_ALL <const> = 64 << 20

---@class lull.compat.socket.Inbox
---@field text string
---@field from integer  the first byte that was not taken
local Inbox <const> = {}
Inbox.__index = Inbox

---@return lull.compat.socket.Inbox
function inbox.new()
  return setmetatable({ text = "", from = 1 }, Inbox)
end

--- Is there anything in it?
function Inbox:is_empty()
  return self.from > #self.text
end

--- Put a piece behind what there is.
---@param piece string
function Inbox:put(piece)
  self.text = self:is_empty() and piece or self.text:sub(self.from) .. piece
  self.from = 1
end

--- Take up to the byte `last`.
local function take(self, last)
  local piece <const> = self.text:sub(self.from, last)
  self.from = last + 1
  if self.from > #self.text then self.text, self.from = "", 1 end
  return piece
end

--- The last byte of the text that belongs to what is asked for, and whether it is all of it.
local ends <const> = {
  ["*l"] = function(self)
    local at <const> = self.text:find("\n", self.from, true)
    return at or #self.text, at ~= nil
  end,
  ["*a"] = function(self) return #self.text, false end,
}

local function count_end(wanted)
  return function(self, have)
    local last <const> = self.from + (wanted - have) - 1
    return math.min(last, #self.text), last <= #self.text
  end
end

--- What was gathered, as the pattern gives it.
local function finished(pattern, pieces)
  local text = table.concat(pieces)
  if pattern == "*l" then text = text:gsub("[\r\n]", "") end
  return text
end

--- Take what a pattern asks for.
---@async
---@param pattern "*l"|"*a"|integer
---@param prefix string       what is before it; it counts
---@param fill fun(): true?, string?  put more in, or nil and a message
---@return string? text
---@return string? message
---@return string? partial
function Inbox:receive(pattern, prefix, fill)
  local find_end <const> = ends[pattern] or count_end(pattern)
  local most <const> = pattern == "*l" and MAX_LINE or pattern == "*a" and MAX_ALL or math.huge
  local pieces <const>, have = {}, #prefix
  if type(pattern) == "number" and pattern <= have then return prefix end
  while true do
    local last <const>, complete <const> = find_end(self, have)
    have = have + last - self.from + 1
    pieces[#pieces + 1] = take(self, last)
    if complete then return prefix .. finished(pattern, pieces) end
    local ok, message
    if have <= most then
      ok, message = fill()
    else
      message = "too long"
    end
    if not ok then
      local partial <const> = prefix .. finished(pattern, pieces)
      if pattern == "*a" and message == "closed" and partial ~= "" then return partial end
      return nil, message, partial
    end
  end
end

return inbox
