--- lull.repl.repair: what the prompt needs of the standard libraries and of lull, put back when it
-- cannot go on because a line has replaced it (`table = {}`, say).
local lull = require "lull"

local next <const>, type <const> = next, type
local rawequal <const>, rawget <const>, rawset <const> = rawequal, rawget, rawset
local concat <const>, find <const> = table.concat, string.find
local getmetatable <const>, setmetatable <const> = debug.getmetatable, debug.setmetatable
local globals <const>, loaded <const>, string_meta <const> = _G, package.loaded, getmetatable ""
local number_meta <const>, text_of_string <const> = getmetatable(0), rawget(string_meta, "__tostring")

--- Others stand in for these for a time.
local OTHERS <const> = { print = true, warn = true, ["io.write"] = true }

local kept <const> = {} -- by name, each with its table and the fields that this had

--- Remember the fields of a table, by name and value.
local function keep(name, of, wanted)
  local fields <const> = {}
  for field, each in next, of do
    if type(field) == "string" and wanted(field) then fields[field] = each end
  end
  kept[name] = { of = of, fields = fields }
end

local needed <const> = {}
for name in ([[assert debug error getmetatable io ipairs math next os package pairs pcall rawequal
    rawget rawlen rawset require select setmetatable string table tonumber tostring type utf8]]):gmatch "%w+" do
  needed[name] = true
  local value <const> = rawget(globals, name)
  if type(value) == "table" and name ~= "package" then
    keep(name .. ".", value, function(field) return not OTHERS[name .. "." .. field] end)
  end
end
keep("", globals, function(name) return needed[name] end)
keep("lull.", lull, function() return true end)
keep("package.loaded.", loaded, function(name) return find(name, "^lull") ~= nil end)
keep("metatable of strings: ", string_meta, function(field) return field == "__index" end)

--- Put back what was replaced.
---@return string? names  nil: nothing was
return function()
  local names <const> = {}
  if not rawequal(getmetatable "", string_meta) then
    setmetatable("", string_meta)
    names[1] = "metatable of strings"
  end
  if not rawequal(rawget(string_meta, "__tostring"), text_of_string) then
    rawset(string_meta, "__tostring", text_of_string)
    names[#names + 1] = "metatable of strings: __tostring"
  end
  if not rawequal(getmetatable(0), number_meta) then
    setmetatable(0, number_meta)
    names[#names + 1] = "metatable of numbers"
  end
  for name, was in next, kept do
    for field, value in next, was.fields do
      if not rawequal(rawget(was.of, field), value) then
        rawset(was.of, field, value)
        names[#names + 1] = name .. field
      end
    end
  end
  return #names > 0 and concat(names, ", ") or nil
end
