--- lull.repl.repair: what the prompt needs of the standard libraries, put back when it cannot read
--- any more because a line has replaced it (`table = {}`, say).
local pairs <const>, tostring <const>, type <const> = pairs, tostring, type
local rawequal <const>, rawget <const>, rawset <const> = rawequal, rawget, rawset
local concat <const> = table.concat
local globals <const> = _G

--- Others stand in for these for a time.
local OTHERS <const> = { print = true, warn = true, ["io.write"] = true }

local kept <const> = {} -- by name, each with its fields
for name in ([[assert debug error getmetatable io ipairs math next os package pairs pcall rawequal
    rawget rawlen rawset require select setmetatable string table tonumber tostring type utf8]]):gmatch "%a+" do
  local value <const>, fields <const> = rawget(globals, name), {}
  for field, each in pairs(type(value) == "table" and value or {}) do
    if not OTHERS[name .. "." .. tostring(field)] then fields[field] = each end
  end
  kept[name] = { value = value, fields = fields }
end

--- Put back what was replaced.
---@return string? names  nil: nothing was
return function()
  local names <const> = {}
  for name, was in pairs(kept) do
    if not rawequal(rawget(globals, name), was.value) then
      rawset(globals, name, was.value)
      names[#names + 1] = name
    end
    for field, value in pairs(was.fields) do
      if not rawequal(rawget(was.value, field), value) and name ~= "package" then
        rawset(was.value, field, value)
        names[#names + 1] = name .. "." .. field
      end
    end
  end
  return #names > 0 and concat(names, ", ") or nil
end
