--- lull.http.params: header fields of a value and parameters: `form-data; name="a"`.
local params = {}

local TOKEN <const> = "^[%w!#$%%&'*+.^_`|~-]+()"

--- A text without the blanks around it; in linear time, whatever it is.
---@param text string
---@return string
function params.trim(text)
  return text:match("^.*[^ \t]", (text:find("[^ \t]"))) or ""
end

--- The quoted string (RFC 9110, 5.6.4) that begins at `from`: what it says, and where it ends.
--- A backslash escapes a quote or itself; before anything else it is one: file names have it.
local function read_quoted(text, from)
  local at = from + 1
  while true do
    local stop <const> = text:find('["\\]', at)
    if not stop then return nil end
    if text:byte(stop) == 34 then
      return text:sub(from + 1, stop - 1):gsub('\\(["\\])', "%1"), stop + 1
    end
    at = stop + (text:find('^["\\]', stop + 1) and 2 or 1)
  end
end

--- The value at `from`: quoted, or all up to the next semicolon that is no space.
local function read_value(text, from)
  if text:sub(from, from) == '"' then return read_quoted(text, from) end
  local value <const>, after <const> = text:match("^([^%s;\"]+)()", from)
  return value, after
end

--- Read a header field: its value in lower case, and its parameters by their names in lower case.
--- Nil when it is malformed, or names a parameter twice: who reads on must not read something else.
---@param text string
---@return string? value
---@return table<string, string>? parameters
function params.read(text)
  local value <const>, after <const> = text:match("^[ \t]*([^%s;,\"]+)[ \t]*()")
  if not value then return nil end
  local parameters <const>, at = {}, after
  while at <= #text do
    local start <const> = text:match("^;[ \t]*()", at)
    if not start then return nil end
    if start > #text then break end
    local stop <const> = text:match(TOKEN, start)
    if not stop or text:sub(stop, stop) ~= "=" then return nil end
    local name <const> = text:sub(start, stop - 1):lower()
    local given <const>, next_at <const> = read_value(text, stop + 1)
    if not given or parameters[name] then return nil end
    parameters[name] = given
    at = text:match("^[ \t]*()", next_at)
  end
  return value:lower(), parameters
end

return params
