--- lull.log.line: a record as one line, whatever is in it.
--
-- Nothing here raises because of a value.  What is too long is cut: a string after MAX_STRING
-- bytes, a table after MAX_ENTRIES entries and MAX_DEPTH levels, a line's fields after MAX_LINE
-- bytes.  Control characters, and those that change the order of characters, are escaped.
local lull = require "lull"

local line = {}

local MAX_STRING <const> = 8192
local MAX_ENTRIES <const> = 64
local MAX_DEPTH <const> = 5
local MAX_LINE <const> = 65536

---@class lull.log.Record
---@field time number        seconds since 1970
---@field stamp string       the same as text, UTC, with milliseconds
---@field level string
---@field name? string       of the logger
---@field message string
---@field fields table       of the line and of the task

-- ---- texts ----

--- A text that is cut to what may be in a line.
local function bounded(text)
  if #text <= MAX_STRING then return text end
  local stop = MAX_STRING
  while stop > MAX_STRING - 4 and text:find("^[\x80-\xBF]", stop + 1) do stop = stop - 1 end
  return ("%s...(%d bytes more)"):format(text:sub(1, stop), #text - stop)
end

local NAMED <const> = { ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ["\\"] = "\\\\", ['"'] = '\\"' }

local function escape_byte(char)
  return NAMED[char] or ("\\x%02x"):format(char:byte())
end

--- Characters of three bytes that end lines or turn text around: U+200E, 200F, 2028 to 202E and
--- 2066 to 2069.
local function escape_wide(char)
  local code <const> = utf8.codepoint(char)
  local acts <const> = code == 0x200E or code == 0x200F or code >= 0x2028 and code <= 0x202E
    or code >= 0x2066 and code <= 0x2069
  return acts and ("\\u{%x}"):format(code) or nil
end

--- A text as UTF-8: something else in place of every byte that is none.
local function valid(text, replace)
  if utf8.len(text) then return text end
  local parts <const>, at = {}, 1
  while at <= #text do
    local good <const>, bad = utf8.len(text, at)
    bad = good and #text + 1 or bad
    parts[#parts + 1] = text:sub(at, bad - 1)
    if not good then parts[#parts + 1] = replace(text:byte(bad)) end
    at = bad + 1
  end
  return table.concat(parts)
end

--- Escape what does not belong into a line.
---@param text string
---@param also string  a class of more characters, for a pattern
local function escape(text, also)
  text = text:gsub("[%c\127" .. also .. "]", escape_byte)
  if not text:find "[\x80-\xFF]" then return text end
  text = valid(text, function(byte) return ("\\x%02x"):format(byte) end)
  text = text:gsub("\xC2[\x80-\x9F]", function(char) return ("\\u{%x}"):format(utf8.codepoint(char)) end)
  return (text:gsub("\xE2[\x80\x81][\x80-\xBF]", escape_wide))
end

--- A value of any type as text, by its __tostring if it has one.
local function text_of(value)
  local ok <const>, text <const> = pcall(tostring, value)
  if ok then return text end
  return ("(%s that cannot be shown)"):format(type(value))
end

--- Is this shown by its __tostring, rather than by its contents?
local function has_text(value)
  if type(value) ~= "table" then return true end
  local meta <const> = getmetatable(value)
  return meta ~= nil and (type(meta) ~= "table" or rawget(meta, "__tostring") ~= nil)
end

--- The first keys of a table in order, those of a list before others, which are ordered by
--- their texts; the texts; and whether there are more.
local function keys_of(value)
  local keys <const>, texts <const> = {}, {}
  local more = false
  for key in next, value do
    more = #keys == MAX_ENTRIES
    if more then break end
    keys[#keys + 1] = key
    texts[key] = type(key) == "string" and key or text_of(key)
  end
  table.sort(keys, function(a, b)
    local ma <const>, mb <const> = math.type(a), math.type(b)
    if ma and mb then return a < b end
    if ma or mb then return ma ~= nil end
    return texts[a] < texts[b]
  end)
  return keys, texts, more
end

-- ---- readable ----

--- Quote a text unless it is a plain word.
local function quoted(text)
  text = bounded(text)
  if text:find "^[%w_.:/@%%+,*-]+$" then return text end
  return '"' .. escape(text, '"\\') .. '"'
end

local readable

local function readable_table(value, depth, above)
  if above[value] then return "(cycle)" end
  if depth > MAX_DEPTH then return "{...}" end
  above[value] = true
  local keys <const>, texts <const>, more = keys_of(value)
  local parts <const>, size = {}, 0
  for i, key in ipairs(keys) do
    local shown <const> = readable(rawget(value, key), depth + 1, above)
    parts[i] = key == i and shown or quoted(texts[key]) .. "=" .. shown
    size = size + #parts[i]
    if size > MAX_STRING then
      more = true
      break
    end
  end
  if more then parts[#parts + 1] = "..." end
  above[value] = nil
  return "{" .. table.concat(parts, " ") .. "}"
end

--- A value for a readable line.
function readable(value, depth, above)
  local kind <const> = type(value)
  if kind == "string" then return quoted(value) end
  if kind == "number" and value ~= value then return "nan" end
  if kind == "number" or kind == "boolean" or kind == "nil" then return tostring(value) end
  if has_text(value) then return quoted(text_of(value)) end
  return readable_table(value, depth, above)
end

--- The fields as " key=value ...".
local function readable_fields(fields)
  local keys <const>, texts <const>, more = keys_of(fields)
  local parts <const>, size = {}, 0
  for i, key in ipairs(keys) do
    local part <const> = (" %s=%s"):format(quoted(texts[key]), readable(rawget(fields, key), 1, {}))
    size = size + #part
    more = more or size > MAX_LINE
    if size > MAX_LINE then break end
    parts[i] = part
  end
  if more then parts[#parts + 1] = " ..." end
  return table.concat(parts)
end

--- What a line says, without time and level: "name: message key=value".
---@param record lull.log.Record
---@return string
function line.body(record)
  local name <const> = record.name and escape(bounded(record.name), "") .. ": " or ""
  return name .. escape(bounded(record.message), "") .. readable_fields(record.fields)
end

--- A readable line: time, level, name, message and fields.
---@param record lull.log.Record
---@return string
function line.text(record)
  return ("%s %-5s %s"):format(record.stamp, record.level:upper(), line.body(record))
end

-- ---- JSON ----

local RESERVED <const> = { time = true, level = true, logger = true, message = true }

local function escape_json(char)
  return ("\\u%04x"):format(utf8.codepoint(char))
end

--- A text in JSON; bytes that are no UTF-8 become U+FFFD.
local function json_text(text)
  text = bounded(text)
  text = valid(text, function() return "\u{FFFD}" end)
  text = text:gsub('[%c"\\\127]', function(char)
    if char == '"' or char == "\\" then return "\\" .. char end
    return escape_json(char)
  end)
  text = text:gsub("\xC2[\x80-\x9F]", escape_json)
  return '"' .. text:gsub("\xE2[\x80\x81][\x80-\xBF]", function(char)
    return escape_wide(char) and escape_json(char)
  end) .. '"'
end

local json

local function json_table(value, depth, above)
  if above[value] then return '"(cycle)"' end
  if depth > MAX_DEPTH then return '"{...}"' end
  above[value] = true
  local keys <const>, texts <const>, more = keys_of(value)
  local is_list <const> = #keys > 0 and keys[#keys] == #keys and keys[1] == 1
  local parts <const>, size = {}, 0
  for i, key in ipairs(keys) do
    local shown <const> = json(rawget(value, key), depth + 1, above)
    parts[i] = is_list and shown or json_text(texts[key]) .. ":" .. shown
    size = size + #parts[i]
    if size > MAX_STRING then
      more = true
      break
    end
  end
  if more then parts[#parts + 1] = is_list and '"..."' or '"...":true' end
  above[value] = nil
  return is_list and "[" .. table.concat(parts, ",") .. "]" or "{" .. table.concat(parts, ",") .. "}"
end

--- An error object by its parts.
local function json_error(value)
  local ok <const>, text <const> = pcall(function()
    return ('{"kind":%s,"message":%s%s}'):format(json_text(value.kind), json_text(tostring(value.message)),
      value.code and ',"code":' .. json_text(tostring(value.code)) or "")
  end)
  return ok and text or json_text(text_of(value))
end

--- A value in JSON.
function json(value, depth, above)
  local kind <const> = type(value)
  if kind == "string" then return json_text(value) end
  if kind == "boolean" then return tostring(value) end
  if kind == "nil" then return "null" end
  if kind == "number" then
    if value ~= value then return '"nan"' end
    if value == math.huge or value == -math.huge then return json_text(tostring(value)) end
    return math.type(value) == "integer" and ("%d"):format(value) or ("%.17g"):format(value)
  end
  if lull.is_error(value) then return json_error(value) end
  if has_text(value) then return json_text(text_of(value)) end
  return json_table(value, depth, above)
end

--- A line of JSON: an object with time, level, logger, message and the fields; a field that has
--- one of these names gets a _ in front.
---@param record lull.log.Record
---@return string
function line.json(record)
  local parts <const> = { ('{"time":"%s","level":"%s"'):format(record.stamp, record.level) }
  if record.name then parts[#parts + 1] = ',"logger":' .. json_text(record.name) end
  parts[#parts + 1] = ',"message":' .. json_text(record.message)
  local keys <const>, texts <const>, more = keys_of(record.fields)
  local size = 0
  for _, key in ipairs(keys) do
    local name <const> = RESERVED[texts[key]] and "_" .. texts[key] or texts[key]
    local part <const> = "," .. json_text(name) .. ":" .. json(rawget(record.fields, key), 1, {})
    size = size + #part
    more = more or size > MAX_LINE
    if size > MAX_LINE then break end
    parts[#parts + 1] = part
  end
  if more then parts[#parts + 1] = ',"...":true' end
  parts[#parts + 1] = "}"
  return table.concat(parts)
end

return line
