--- lull.repl.inspect: a value as text that shows what is in it.
--
-- Tables are looked at with raw access, so nothing of theirs runs but `__tostring`, protected.
-- Whatever a value is, little is looked at: so many levels, entries and bytes, and the rest is
-- only counted.
local cells = require "lull.term.cells"

local concat <const>, sort <const>, rep <const> = table.concat, table.sort, string.rep
local ipairs <const>, next <const>, pcall <const> = ipairs, next, pcall
local rawget <const>, rawlen <const>, tostring <const>, type <const> = rawget, rawlen, tostring, type
local getinfo <const>, getmetatable <const> = debug.getinfo, debug.getmetatable
local math_type <const>, utf8_length <const> = math.type, utf8.len

local inspect = {}

---@class lull.repl.InspectOptions
---@field width? integer     columns; 80
---@field depth? integer     levels of tables; 4
---@field items? integer     entries of one table; 60
---@field total? integer     entries of all tables together; 600
---@field bytes? integer     of one string; 2000
---@field paint? fun(text: string, style: string): string   colours

local DEFAULTS <const> = { width = 80, depth = 4, items = 60, total = 600, bytes = 2000 }
local MAX_COUNTED <const> = 100000 -- entries that are looked at, to count or to sort them
local MAX_OWN <const> = 10000      -- bytes of a text by __tostring
local MAX_REASON <const> = 200     -- bytes of why it fails

local STYLES <const> = { string = "green", number = "yellow", boolean = "magenta", ["nil"] = "dim",
  other = "cyan", mark = "dim" }

local KEYWORDS <const> = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat
    return then true until while]]):gmatch "%a+" do
  KEYWORDS[word] = true
end

---@class lull.repl.Inspector: lull.repl.InspectOptions
---@field left integer               entries that may still be shown
---@field path table<table, true>    tables that this value is in

local function painted(self, text, style)
  return self.paint and self.paint(text, STYLES[style]) or text
end

local ESCAPES <const> = { ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ["\\"] = "\\\\",
  ["\0"] = "\\0", ["\27"] = "\\27", ["\a"] = "\\a", ["\b"] = "\\b", ["\f"] = "\\f", ["\v"] = "\\v" }

--- A string as Lua would read it: what is UTF-8 stays.
local function quote(text)
  local mark <const> = text:find('"', 1, true) and not text:find("'", 1, true) and "'" or '"'
  text = text:gsub("[%c\\" .. mark .. "]", function(char)
    return char == mark and "\\" .. char or ESCAPES[char] or ("\\x%02X"):format(char:byte())
  end)
  if not utf8_length(text) then
    local at, parts = 1, {}
    while at <= #text do
      local _, bad <const> = utf8_length(text, at)
      parts[#parts + 1] = text:sub(at, (bad or #text + 1) - 1)
      if not bad then break end
      parts[#parts + 1] = ("\\x%02X"):format(text:byte(bad))
      at = bad + 1
    end
    text = concat(parts)
  end
  return mark .. text .. mark
end

local function string_text(self, value)
  local rest <const> = #value - self.bytes
  if rest <= 0 then return painted(self, quote(value), "string") end
  local stop = self.bytes
  while stop > self.bytes - 4 and (value:byte(stop + 1) & 0xC0) == 0x80 do stop = stop - 1 end
  return painted(self, quote(value:sub(1, stop)), "string")
    .. painted(self, (" ... %d more bytes"):format(#value - stop), "mark")
end

local function function_text(self, value)
  local about <const> = getinfo(value, "S")
  local where <const> = about.what == "C" and "[C]"
    or ("%s:%d"):format(about.short_src, about.linedefined)
  return painted(self, ("function %s"):format(where), "other")
end

--- Why a `__tostring` fails, in one line; nil: the error is no text.
---@param err any
---@return string?
function inspect.reason(err)
  if type(err) ~= "string" then return nil end
  local is_long <const> = #err > MAX_REASON
  return quote(is_long and err:sub(1, MAX_REASON) or err):sub(2, -2) .. (is_long and " ..." or "")
end

--- What `__tostring` says; nil: there is none.  One that fails is told of.
local function own_text(self, value, meta)
  if not meta or rawget(meta, "__tostring") == nil then return nil end
  local ok <const>, text = pcall(tostring, value)
  if not ok then return painted(self, "<__tostring fails: " .. (inspect.reason(text) or type(text)) .. ">", "mark") end
  if #text > MAX_OWN then text = text:sub(1, MAX_OWN) .. " ..." end
  return painted(self, cells.clean(text, true), "other")
end

--- A name that the class of a value gives.
local function class_name(meta)
  local name <const> = meta and rawget(meta, "__name")
  return type(name) == "string" and #name <= 100 and cells.clean(name) or nil
end

-- ---- tables ----

local RANK <const> = { number = 1, string = 2, boolean = 3 }

local function before(a, b)
  local rank_a <const>, rank_b <const> = RANK[type(a)] or 4, RANK[type(b)] or 4
  if rank_a ~= rank_b then return rank_a < rank_b end
  if rank_a <= 2 then return a < b end
  return rank_a == 3 and a == false and b == true
end

--- The keys behind the list, the first in order; how many there are; false: that many or more.
local function keys_of(value, length)
  local keys <const>, key, looked_at = {}, next(value), 0
  while key ~= nil and looked_at < MAX_COUNTED do
    looked_at = looked_at + 1
    if not (math_type(key) == "integer" and key >= 1 and key <= length) then
      keys[#keys + 1] = key
    end
    key = next(value, key)
  end
  sort(keys, before)
  return keys, key == nil
end

local render

local function key_text(self, key, depth, room)
  if type(key) == "string" then
    if #key <= 100 and key:find "^[%a_][%w_]*$" and not KEYWORDS[key] then return key end
    return "[" .. string_text(self, key) .. "]"
  end
  -- a table as a key is only named
  return "[" .. (type(key) == "table" and painted(self, "table", "other") or render(self, key, depth, room)) .. "]"
end

--- The entries of a table as texts, and a word on those that are not there.
local function entries_of(self, value, depth, room)
  local texts <const>, length <const> = {}, rawlen(value)
  local function may() return #texts < self.items and self.left > 0 end
  local function add(text)
    texts[#texts + 1] = text
    self.left = self.left - 1
  end
  local listed = 0
  while listed < length and may() do
    listed = listed + 1
    add(render(self, rawget(value, listed), depth + 1, room))
  end
  local keys <const>, all <const> = keys_of(value, length)
  local shown = 0
  while shown < #keys and may() do
    shown = shown + 1
    local name <const> = key_text(self, keys[shown], depth + 1, room)
    add(name .. " = " .. render(self, rawget(value, keys[shown]), depth + 1, room))
  end
  local missing <const> = length - listed + #keys - shown
  if missing > 0 then
    texts[#texts + 1] = painted(self, (all and "... %d more" or "... more than %d more"):format(missing), "mark")
  end
  return texts
end

--- Entries in one line if they have room there, else a line each; short ones of a list share.
local function arrange(self, texts, depth, room)
  local width = 4
  local flat = true
  for _, text in ipairs(texts) do
    width = width + cells.width(text) + 2
    flat = flat and not text:find("\n", 1, true)
  end
  if flat and width <= room then return "{ " .. concat(texts, ", ") .. " }" end
  local inner <const>, lines <const> = rep("  ", depth + 1), {}
  local line, used = nil, 0
  for i, text in ipairs(texts) do
    local comma <const> = i < #texts and "," or ""
    local size <const> = cells.width(text) + #comma
    local short <const> = size <= 16 and not text:find("\n", 1, true) and not text:find(" = ", 1, true)
    if line and short and used + 1 + size <= self.width - #inner then
      line, used = line .. " " .. text .. comma, used + 1 + size
    else
      if line then lines[#lines + 1] = line end
      line, used = text .. comma, short and size or self.width
    end
  end
  lines[#lines + 1] = line
  return "{\n" .. inner .. concat(lines, "\n" .. inner) .. "\n" .. rep("  ", depth) .. "}"
end

local function table_text(self, value, depth, room)
  local meta <const> = getmetatable(value)
  local own <const> = own_text(self, value, meta)
  if own then return own end
  local name <const> = class_name(meta)
  local head <const> = name and painted(self, name, "other") .. " " or ""
  if next(value) == nil then return head .. "{}" end
  if self.path[value] then return head .. painted(self, "<cycle>", "mark") end
  if depth >= self.depth or self.left <= 0 then return head .. painted(self, "{...}", "mark") end
  self.path[value] = true
  local texts <const> = entries_of(self, value, depth, room - 2)
  self.path[value] = nil
  return head .. arrange(self, texts, depth, room)
end

function render(self, value, depth, room)
  local kind <const> = type(value)
  if kind == "string" then return string_text(self, value) end
  if kind == "table" then return table_text(self, value, depth, room) end
  if kind == "function" then return function_text(self, value) end
  local meta <const> = getmetatable(value)
  local own <const> = own_text(self, value, meta)
  if own then return own end
  if kind == "number" or kind == "boolean" or kind == "nil" then
    return painted(self, tostring(value), kind)
  end
  return painted(self, class_name(meta) or kind, "other")
end

--- A value as text, of one line or several.
---@param value any
---@param opts? lull.repl.InspectOptions
---@return string
function inspect.text(value, opts)
  local self <const> = { path = {} }
  for name, default in next, DEFAULTS do self[name] = opts and opts[name] or default end
  self.paint = opts and opts.paint
  self.left = self.total
  return render(self, value, 0, self.width)
end

return inspect
