--- lull.test.chunk: which lines of a file hold code that can run, and its functions.
--
-- Lua tells that of functions that exist; of those that were never made only the compiled
-- chunk knows.  So what string.dump gives (the format of Lua 5.4) is read here.
local chunk = {}

local HEADER <const> = "\27Lua\x54\0\x19\x93\r\n\x1a\n\4\8\8"
local ABSOLUTE <const> = 0x80 -- in the list of differences: the line is in the other list

--- Sizes of constants by their tags; strings have sizes of their own.
local constants <const> = { [0x00] = 0, [0x01] = 0, [0x11] = 0, [0x03] = 8, [0x13] = 8 }

local Reader = {}
Reader.__index = Reader

function Reader:byte()
  local value <const> = self.bytes:byte(self.at)
  self.at = self.at + 1
  return value
end

--- Seven bits a byte, the highest first; the last byte has its eighth bit set.
function Reader:number()
  local value = 0
  repeat
    local byte <const> = self:byte()
    value = value << 7 | byte & 0x7f
  until byte & 0x80 ~= 0
  return value
end

function Reader:skip(size)
  self.at = self.at + size
end

function Reader:skip_string()
  local size <const> = self:number()
  if size > 0 then self:skip(size - 1) end
end

function Reader:skip_constants()
  for _ = 1, self:number() do
    local size <const> = constants[self:byte()]
    if size then self:skip(size) else self:skip_string() end
  end
end

--- The line of each instruction.
function Reader:lines(first)
  local count <const> = self:number()
  local differences <const> = self.at
  self:skip(count)
  local absolute <const> = {}
  for _ = 1, self:number() do absolute[self:number()] = self:number() end
  local line, lines <const> = first, {}
  for i = 0, count - 1 do
    local difference <const> = self.bytes:byte(differences + i)
    if difference == ABSOLUTE then
      line = absolute[i]
    else
      line = line + (difference < 0x80 and difference or difference - 0x100)
    end
    lines[i + 1] = line
  end
  return lines
end

function Reader:read_function(found)
  self:skip_string()
  local first <const>, last <const> = self:number(), self:number()
  self:skip(1)
  local is_vararg <const> = self:byte() ~= 0
  self:skip(1)
  self:skip(self:number() * 4)
  self:skip_constants()
  self:skip(self:number() * 3)
  if first > 0 then table.insert(found.functions, { first = first, last = last }) end
  for _ = 1, self:number() do self:read_function(found) end
  local lines <const> = self:lines(first)
  -- The last instruction is the return that every function ends with.
  for i = is_vararg and 2 or 1, #lines - 1 do found.lines[lines[i]] = true end
  for _ = 1, self:number() do
    self:skip_string()
    self:number()
    self:number()
  end
  for _ = 1, self:number() do self:skip_string() end
end

local CLOSING <const> = { ["end"] = true, ["else"] = true, ["do"] = true, ["then"] = true }

--- Is there nothing on this line but what ends or divides blocks?
local function is_closing(text)
  for word in text:gsub("%-%-.*$", ""):gmatch "[%w_\"']+" do
    if not CLOSING[word] then return false end
  end
  return true
end

local function name_of(text)
  return text:match "function%s+([%a_][%w_.:]*)" or text:match "([%a_][%w_.]*)%s*=%s*function"
    or "anonymous"
end

--- Names that tell the functions of a file apart.
local function name_all(functions, texts)
  local taken <const> = {}
  table.sort(functions, function(a, b) return a.first < b.first end)
  for _, each in ipairs(functions) do
    local name = name_of(texts[each.first] or "")
    if taken[name] then name = ("%s:%d"):format(name, each.first) end
    while taken[name] do name = name .. "'" end
    taken[name] = true
    each.name = name
  end
end

---@class lull.test.Function
---@field first integer  the line where it begins
---@field last integer
---@field name string    no two in a file have the same

--- Read what a file holds.
---@param code string  Lua source
---@param name string  for the message
---@return { lines: table<integer, true>, functions: lull.test.Function[] }?
---@return string? message
function chunk.read(code, name)
  local compiled <const>, message <const> = load(code:gsub("^#[^\n]*", "--"), "@" .. name, "t", {})
  if not compiled then return nil, message end
  local bytes <const> = string.dump(compiled)
  if bytes:sub(1, #HEADER) ~= HEADER then return nil, "not the bytecode of Lua 5.4" end
  local found <const> = { lines = {}, functions = {} }
  setmetatable({ bytes = bytes, at = #HEADER + 8 + 8 + 1 + 1 }, Reader):read_function(found)
  local texts <const> = {}
  for text in (code .. "\n"):gmatch "([^\n]*)\n" do texts[#texts + 1] = text end
  for line in pairs(found.lines) do
    if not texts[line] or is_closing(texts[line]) then found.lines[line] = nil end
  end
  name_all(found.functions, texts)
  return found
end

return chunk
