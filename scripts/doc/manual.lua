--- lull.doc.manual: where Lua's own manual describes Lua's own functions.

local manual = {}

local ADDRESS <const> = "https://www.lua.org/manual/5.4/manual.html"

--- The sections on the libraries.
local SECTIONS <const> = {
  coroutine = "6.2", package = "6.3", string = "6.4", utf8 = "6.5", table = "6.6", math = "6.7",
  io = "6.8", os = "6.9", debug = "6.10",
}

local BASIC <const> = {}
for name in ([[assert collectgarbage dofile error getmetatable ipairs load loadfile next pairs pcall
  print rawequal rawget rawlen rawset select setmetatable tonumber tostring type warn
  xpcall]]):gmatch "%S+" do
  BASIC[name] = "6.1"
end
BASIC.require = "6.3"

local FILE <const> = {}
for name in ("close flush lines read seek setvbuf write"):gmatch "%S+" do FILE[name] = true end

local function entry(name, library, section, noun)
  return {
    kind = "lua", name = name, signature = name, short = name:match "[%w_]+$", module = library,
    async = false,
    text = ("A %s of Lua itself: section %s of its manual.\n\n    %s#pdf-%s"):format(
      noun or "function", section, ADDRESS, name),
  }
end

local function library_of(name)
  local library <const> = SECTIONS[name] and package.loaded[name]
  return type(library) == "table" and library or nil
end

--- What is known of a name.
---@param name string  "string.rep", "file:read", "string"
---@return table? entry  of lull.doc
function manual.by_name(name)
  if BASIC[name] then return entry(name, "_G", BASIC[name]) end
  if SECTIONS[name] then
    return {
      kind = "lua", name = name, signature = name, short = name, module = name, async = false,
      text = ("A library of Lua itself: section %s of its manual.\n\n    %s#%s"):format(
        SECTIONS[name], ADDRESS, SECTIONS[name]),
    }
  end
  local head <const>, tail <const> = name:match "^([%w_]+)[.:]([%w_]+)$"
  if head == "file" and FILE[tail] then return entry("file:" .. tail, "io", SECTIONS.io) end
  local library <const> = library_of(head)
  local value <const> = library and rawget(library, tail)
  if value == nil then return nil end
  return entry(head .. "." .. tail, head, SECTIONS[head], type(value) ~= "function" and "variable" or nil)
end

--- What is known of a function.
---@param fn function
---@return table? entry
function manual.by_value(fn)
  for name in pairs(BASIC) do
    if rawget(_G, name) == fn then return manual.by_name(name) end
  end
  for name in pairs(SECTIONS) do
    for key, value in next, library_of(name) or {} do
      if value == fn and type(key) == "string" then return manual.by_name(name .. "." .. key) end
    end
  end
end

return manual
