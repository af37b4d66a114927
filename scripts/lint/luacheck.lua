--- lull.lint.luacheck: luacheck, with calls of lull's functions as one more stage.
--
-- Debian installs it for Lua 5.1 only; it runs under 5.4 as well.  What it finds can be turned off
-- by .luacheckrc and by its comments, and so can what our stage finds.
local calls = require "lull.lint.calls"
local doc = require "lull.doc"

local luacheck = {}

luacheck.MISSING = "luacheck is not installed (Debian: lua-check; LuaRocks: luacheck)"

local CODES <const> = {
  ["901"] = { "name", "of", "near" },
  ["902"] = { "name", "needed", "given" },
  ["903"] = { "name", "needed", "given" },
  ["904"] = { "name", "of", "near" },
  ["905"] = { "name", "sign" },
  ["911"] = { "name", "near" },
}

local BASE <const> = { "code", "line", "column", "end_column" }

--- Look for luacheck where it is installed for other versions of Lua, too.
local function search(name)
  if not name:find "^luacheck%f[.\0]" then return nil end
  for minor = 3, 1, -1 do
    local path <const> = package.path:gsub("5%.4", "5." .. minor)
    local found <const> = package.searchpath(name, path)
    if found then return loadfile(found), found end
  end
end

--- Register our stage, once.
local function add_stage(known)
  local stages <const> = require "luacheck.stages"
  if stages.warnings["901"] then return end
  for code, fields in pairs(CODES) do
    local all <const>, set <const> = table.move(BASE, 1, #BASE, 1, {}), {}
    table.move(fields, 1, #fields, #all + 1, all)
    for _, field in ipairs(all) do set[field] = true end
    stages.warnings[code] = { message_format = calls.messages[code], fields = all, fields_set = set }
  end
  table.insert(stages.modules, { run = function(state) calls.run(state, known) end })
end

local opened, problem -- of the first time

--- Make luacheck ready.
---@return table? luacheck  its module; nil: it is not there, or not as it should be
---@return string? problem  also when it is there, but lull's reference is not
function luacheck.open()
  if opened ~= nil then return opened or nil, problem end
  table.insert(package.searchers, search)
  local found <const>, module <const> = pcall(require, "luacheck")
  if not found then
    opened = false
    local is_missing <const> = tostring(module):find("module 'luacheck' not found", 1, true)
    problem = is_missing and luacheck.MISSING or "luacheck: " .. tostring(module):match "^[^\n]*"
    return nil, problem
  end
  local has_types <const>, known <const> = pcall(doc.types)
  local added, why = has_types, known
  if has_types then added, why = pcall(add_stage, known) end
  if not added then problem = "calls of lull's functions are not checked: " .. tostring(why) end
  opened = module
  return module, problem
end

return luacheck
