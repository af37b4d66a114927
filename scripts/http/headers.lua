--- lull.http.headers: header fields, written and read.
local params = require "lull.http.params"

local headers = {}

--- A field's name is a token (RFC 9110, 5.6.2).
local TOKEN <const> = "^[!#$%%&'*+%-.^_`|~%w]+$"
--- What no value may hold: it would end the field, or the line (RFC 9110, 5.5).
local FORBIDDEN <const> = "[\0-\8\10-\31\127]"

--- Is this a token: a field's name, a method?
---@param text any
---@return boolean
function headers.is_token(text)
  return type(text) == "string" and text:find(TOKEN) ~= nil
end

--- Is this a field's value?  False stands for: not this field.
---@param text any
---@return boolean
function headers.is_value(text)
  local kind <const> = math.type(text) or type(text)
  if kind == "string" then return not text:find(FORBIDDEN) end
  return kind == "integer" or kind == "float" or text == false
end

--- Check fields by name; a value that is a list stands for several fields, and
--- false for none, where one would be sent.
---@param fields table<string, string|number|false|(string|number)[]>
---@return string? why  they are wrong
function headers.fault(fields)
  for name, value in pairs(fields) do
    if not headers.is_token(name) then
      return ("a header name must be a token, not %q"):format(tostring(name))
    end
    for _, one in ipairs(type(value) == "table" and value or { value }) do
      if not headers.is_value(one) then
        return ("the value of header '%s' must be text on one line"):format(name)
      end
    end
  end
end

local SECOND <const> = "^HTTP/%S+ %d+ ?([^\r\n]*)"

--- The reason in a head's first line.
---@param head string
---@return string
function headers.reason(head)
  return head:match(SECOND) or ""
end

--- Look up in any case.
local meta <const> = {
  __index = function(self, name)
    local lower <const> = type(name) == "string" and name:lower()
    if lower and lower ~= name then return rawget(self, lower) end
  end,
}

--- All fields of a head: by lower-case names, each a list.
---@param head string  a first line, then fields
---@return table<string, string[]>
function headers.lists(head)
  local lists <const> = {}
  local last
  for line in head:gmatch("\n([^\n]+)") do
    line = line:gsub("\r$", "")
    local name <const>, value <const> = line:match("^([^:%s]+)%s*:(.*)$")
    if name then
      local lower <const> = name:lower()
      last = lists[lower] or {}
      lists[lower] = last
      last[#last + 1] = params.trim(value)
    elseif last and line:find("^[ \t]") then -- a folded line (RFC 9112, 5.2)
      last[#last] = last[#last] .. " " .. params.trim(line)
    end
  end
  return lists
end

--- The same as a plain table, looked up in any case; several values are joined.
---@param lists table<string, string[]>
---@return table<string, string>
function headers.joined(lists)
  local fields <const> = {}
  for name, list in pairs(lists) do fields[name] = table.concat(list, ", ") end
  return setmetatable(fields, meta)
end

--- The first field of one name.
---@param head string
---@param name string  lower-case
---@return string?
function headers.first(head, name)
  local list <const> = headers.lists(head)[name]
  return list and list[1]
end

return headers
