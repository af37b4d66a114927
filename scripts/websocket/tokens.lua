--- lull.websocket.tokens: the lists and parameters of header fields (RFC 9110, section 5.6).
local tokens = {}

local TOKEN <const> = "[%w!#$%%&'*+%-.^_`|~]+"
local ALONE <const> = "^[ \t]*(" .. TOKEN .. ")[ \t]*$"

--- Is the text one token?
---@param text string
---@return boolean
function tokens.is_token(text)
  return text:find("^" .. TOKEN .. "$") ~= nil
end

--- The tokens of a list.
---@param text string
---@return string[]?  nil when it is none
function tokens.list(text)
  local list <const> = {}
  for entry in text:gmatch "[^,]+" do
    local token <const> = entry:match(ALONE)
    if token then
      list[#list + 1] = token
    elseif entry:find "[^ \t]" then
      return nil
    end
  end
  return list
end

--- Is a token in a list, in any case?
---@param text? string
---@param token string  in lower case
---@return boolean
function tokens.has(text, token)
  for _, entry in ipairs(text and tokens.list(text) or {}) do
    if entry:lower() == token then return true end
  end
  return false
end

--- A parameter's value from a position on: a token, or a quoted string's content.
local function value_at(text, position)
  local value, next_position = text:match("^(" .. TOKEN .. ")()", position)
  if value then return value, next_position end
  value, next_position = text:match('^"([^"\\%c]*)"()', position)
  if value and tokens.is_token(value) then return value, next_position end
end

--- Parse a list of names with parameters: `name; flag; key=value, name`.
---@param text string
---@return { name: string, parameters: { name: string, value: string|true }[] }[]?
---  nil when it is none
function tokens.extensions(text)
  local list <const> = {}
  local entry, position = nil, 1
  local before = "," -- what stood before this one
  while true do
    position = text:match("^[ \t]*()", position)
    local name <const>, after = text:match("^(" .. TOKEN .. ")()", position)
    if name and before == "," then
      entry = { name = name, parameters = {} }
      list[#list + 1] = entry
    elseif name then
      local value = true
      local equals <const> = text:match("^[ \t]*=[ \t]*()", after)
      if equals then
        value, after = value_at(text, equals)
        if not value then return nil end
      end
      entry.parameters[#entry.parameters + 1] = { name = name, value = value }
    elseif before == ";" then
      return nil
    end
    position = text:match("^[ \t]*()", after or position)
    if position > #text then return list end
    before = text:match("^[,;]", position)
    if not before or before == ";" and not name then return nil end
    position = position + 1
  end
end

return tokens
