--- lull.repl.complete: what a name may go on as, by the values that are there.
--
-- Nothing of a script runs for it: fields are looked up with raw access, and through `__index`
-- where that is a table.  What a call would give is not known, so nothing is offered behind one.
local lull = require "lull"
local modules = require "lull.core.modules"

local ipairs <const>, next <const>, pcall <const> = ipairs, next, pcall
local rawget <const>, tonumber <const>, type <const> = rawget, tonumber, type
local insert <const>, sort <const>, to_integer <const> = table.insert, table.sort, math.tointeger
local getinfo <const>, getmetatable <const> = debug.getinfo, debug.getmetatable
local getupvalue <const>, rawequal <const>, require <const> = debug.getupvalue, rawequal, require

local complete = {}

local MAX_STEPS <const> = 16      -- tables behind each other by __index
local MAX_KEYS <const> = 300000   -- fields that are looked at
local MAX_KEPT <const> = 20000    -- of those that fit, the ones that are sorted
local MAX_FOUND <const> = 1000    -- candidates
local PATIENCE <const> = 1        -- seconds that folders may take; keys wait meanwhile

local KEYWORDS <const> = { "and", "break", "do", "else", "elseif", "end", "false", "for", "function",
  "goto", "if", "in", "local", "nil", "not", "or", "repeat", "return", "then", "true", "until",
  "while" }
local is_keyword <const> = {}
for _, word in ipairs(KEYWORDS) do is_keyword[word] = true end

---@class lull.repl.CompleteOptions
---@field globals table
---@field locals? lull.repl.Locals
---@field commands? string[]   those of the prompt, with their dots
---@field files? fun(start: string): string[], boolean?   paths that begin so, folders with a slash, and
---  whether there may be more; suspends
---@field path? fun(): string? package.path, for modules in files

---@class lull.repl.Candidate
---@field text string
---@field note? string

-- ---- values ----

--- The table in which a function written in C, as those of lull's classes, looks fields up.
local function table_of(fn)
  if type(fn) ~= "function" or getinfo(fn, "S").what ~= "C" then return nil end
  for i = 1, 4 do
    local _, value <const> = getupvalue(fn, i)
    if type(value) == "table" then return value end
  end
  return nil
end

--- Where a value's fields are: a table, and the ones behind it by __index.
local function homes_of(value)
  local list <const> = {}
  for _ = 1, MAX_STEPS do
    if type(value) == "table" then list[#list + 1] = value end
    local meta <const> = getmetatable(value)
    local index <const> = meta and rawget(meta, "__index")
    value = type(index) == "table" and index or table_of(index)
    if not value then break end
  end
  return list
end

--- A module of lull's, which `lull` loads when its field is asked for.
local function module_of_lull(name)
  if type(name) ~= "string" or not modules["lull." .. name] then return nil end
  local ok <const>, module <const> = pcall(require, "lull." .. name)
  return ok and module or nil
end

--- The field of a value; nil also where only a call could tell.
local function field(value, key)
  for _, home in ipairs(homes_of(value)) do
    local found <const> = rawget(home, key)
    if found ~= nil then return found end
  end
  if rawequal(value, lull) then return module_of_lull(key) end
  return nil
end

local function is_callable(value)
  if type(value) == "function" then return true end
  local meta <const> = getmetatable(value)
  return meta ~= nil and rawget(meta, "__call") ~= nil
end

-- ---- what stands before the cursor ----

--- The text of a string constant without escapes; nil: it has some.
local function plain_string(text)
  return text:match '^"([^"\\\n]*)"$' or text:match "^'([^'\\\n]*)'$"
end

--- Split `a.b["c"].d` into its name and keys, from the end; nil: it is something else.
---@return string? name
---@return any[]? keys
local function chain(text)
  local keys <const> = {}
  while true do
    text = text:match "^(.-)%s*$"
    local rest, key = text:match "^(.*)%.%s*([%a_][%w_]*)$"
    if rest and rest:sub(-1) ~= "." then
      insert(keys, 1, key)
      text = rest
    elseif text:sub(-1) == "]" then
      rest, key = text:match "^(.*)%[%s*([^%[%]]-)%s*%]$"
      if not rest then return nil end
      local index <const> = plain_string(key) or to_integer(tonumber(key))
      if index == nil then return nil end
      insert(keys, 1, index)
      text = rest
    else
      local before <const>, name <const> = text:match "^(.-)([%a_][%w_]*)$"
      if not name or before:find "[%.:]%s*$" and not before:find "%.%.%s*$" then return nil end
      return name, keys
    end
  end
end

--- What a name stands for at the prompt.
local function value_of(opts, name)
  local cell <const> = opts.locals and opts.locals:cell(name)
  if not cell then return field(opts.globals, name) end
  if not cell.closure then return cell.value end
  local _, value <const> = getupvalue(cell.closure, cell.index)
  return value
end

--- The value of an expression of names and constant keys; nil: it is no such, or nil.
local function evaluate(opts, text)
  local quoted <const> = text:match "^.*%((.*)%)%s*$" or text
  if quoted:find "\"[^\"\n]*\"%s*$" or quoted:find "'[^'\n]*'%s*$" then
    return "" -- any string has the fields of strings
  end
  local name <const>, keys <const> = chain(text)
  if not name then return nil end
  local value = value_of(opts, name)
  for _, key in ipairs(keys) do
    if value == nil then return nil end
    value = field(value, key)
  end
  return value
end

-- ---- candidates ----

---@class lull.repl.Found
---@field notes table<string, string>   of texts; those that are kept
---@field count integer
---@field common? string   what all begin with, also those that are not kept
---@field is_cut? boolean   some have not been looked at
local function nothing()
  return { notes = {}, count = 0 }
end

--- Some are not looked at: of what all begin with nothing is known.
local function cut(found)
  found.common, found.is_cut = "", true
end

--- Add a text; one that is there keeps its note.
local function add(found, text, note)
  local common = found.common or text
  while text:sub(1, #common) ~= common do common = common:sub(1, -2) end
  found.common = common
  if found.count < MAX_KEPT and not found.notes[text] then
    found.count = found.count + 1
    found.notes[text] = note
  end
end

--- The candidates, and, where they may not be all, what all begin with.
local function sorted(found)
  local list <const> = {}
  for text, note in next, found.notes do
    list[#list + 1] = { text = text, note = note ~= "" and note or nil }
  end
  sort(list, function(a, b)
    local hidden_a <const>, hidden_b <const> = a.text:sub(1, 1) == "_", b.text:sub(1, 1) == "_"
    if hidden_a ~= hidden_b then return hidden_b end
    return a.text < b.text
  end)
  local is_cut <const> = found.is_cut or #list > MAX_FOUND
  for i = #list, MAX_FOUND + 1, -1 do list[i] = nil end
  return list, is_cut and found.common or nil
end

--- Add the fields of a value that begin so.
---@param found lull.repl.Found
---@param fits fun(key: string, value: any): string?   the text of a candidate
local function add_fields(found, value, start, fits)
  local looked_at = 0
  local function look_at(key, of)
    if type(key) == "string" and key:sub(1, #start) == start then
      local text <const> = fits(key, of)
      if text then add(found, text, type(of)) end
    end
  end
  for _, home in ipairs(homes_of(value)) do
    for key, of in next, home do
      looked_at = looked_at + 1
      if looked_at > MAX_KEYS then return cut(found) end
      look_at(key, of)
    end
  end
  if rawequal(value, lull) then
    for name in next, modules do
      local last <const> = name:match "^lull%.([^.]+)$"
      if last then look_at(last, lull) end
    end
  end
end

local function as_name(key)
  return key:find "^[%a_][%w_]*$" and #key <= 200 and not is_keyword[key] and key or nil
end

local function as_method(key, value)
  return is_callable(value) and as_name(key) or nil
end

--- Modules that could be required.
local function add_modules(found, opts, start)
  local function look_at(name)
    if name:sub(1, #start) == start then add(found, name, "") end
  end
  for name in next, modules do look_at(name) end
  for _, list in ipairs { "preload", "loaded" } do
    local package <const> = rawget(opts.globals, "package")
    local names <const> = type(package) == "table" and rawget(package, list)
    for name in next, type(names) == "table" and names or {} do
      if type(name) == "string" and name ~= "_G" then look_at(name) end
    end
  end
  local path <const> = opts.path and opts.path()
  if type(path) ~= "string" or not opts.files then return end
  local folder <const> = start:match "^(.*%.)" or ""
  for template in path:gmatch "[^;]+" do
    local head <const>, tail <const> = template:match "^([^?]*)%?([^?]*)$"
    if head and tail == ".lua" then
      local base <const> = head .. folder:gsub("%.", "/")
      local files <const>, is_cut <const> = opts.files(base .. start:sub(#folder + 1))
      if is_cut then cut(found) end
      for _, file in ipairs(files) do
        local name <const> = file:sub(#base + 1):match "^([%w_%-]+)%.lua$"
        local inner <const> = file:sub(#base + 1):match "^([%w_%-]+)/$"
        if name then look_at(folder .. name) elseif inner then look_at(folder .. inner .. ".") end
      end
    end
  end
end

--- A name from the beginning: locals, globals, words of the language.
local function add_names(found, opts, start)
  for name in next, opts.locals and opts.locals.cells or {} do
    if name:sub(1, #start) == start then add(found, name, "local") end
  end
  add_fields(found, opts.globals, start, as_name)
  if start ~= "" then
    for _, word in ipairs(KEYWORDS) do
      if word:sub(1, #start) == start then add(found, word, "") end
    end
  end
end

--- Is the end of the text in a comment or a string?
local function is_quiet(text)
  local at = 1
  while true do
    at = text:find("[\"'%-%[]", at)
    if not at then return false end
    local letter <const> = text:sub(at, at)
    local level <const> = text:match("^%[(=*)%[", at) or text:match("^%-%-%[(=*)%[", at)
    if level then
      local _, stop <const> = text:find("]" .. level .. "]", at, true)
      if not stop then return true end
      at = stop
    elseif text:find("^%-%-", at) then
      at = text:find("\n", at, true)
      if not at then return true end
    elseif letter == '"' or letter == "'" then
      repeat
        at = text:find("[\\\n" .. letter .. "]", at + 1)
        if not at then return true end
        local escape <const> = text:sub(at, at) == "\\"
        if escape then at = at + 1 end
      until not escape
    end
    at = at + 1
  end
end

--- Inside of quotes: a module's name, or a key.
local function in_string(opts, text)
  local mark <const>, start <const> = text:match "require%s*%(?%s*([\"'])([^\"'\n]*)$"
  if mark then
    local found <const> = nothing()
    add_modules(found, opts, start)
    return #text - #start + 1, sorted(found)
  end
  local object <const>, quote <const>, key <const> = text:match "^(.*)%[%s*([\"'])([^\"'\\\n]*)$"
  if not object then return nil end
  local value <const> = evaluate(opts, object)
  if value == nil then return nil end
  local found <const> = nothing()
  add_fields(found, value, key, function(name)
    return #name <= 200 and not name:find "[%c\\\"']" and name .. quote .. "]" or nil
  end)
  return #text - #key + 1, sorted(found)
end

--- A command of the prompt's, or the file that it takes.
local function command(opts, text)
  local start <const> = text:match "^%s*(%.%a*)$"
  if start and opts.commands then
    local found <const> = nothing()
    for _, name in ipairs(opts.commands) do
      if name:sub(1, #start) == start then add(found, name, "") end
    end
    return #text - #start + 1, sorted(found)
  end
  local path <const> = text:match "^%s*%.load%s+(.*)$" or text:match "^%s*%.save%s+(.*)$"
  if not path or not opts.files then return nil end
  local found <const> = nothing()
  local files <const>, is_cut <const> = opts.files(path)
  if is_cut then cut(found) end
  for _, file in ipairs(files) do add(found, file, "") end
  return #text - #path + 1, sorted(found)
end

--- Make a function that completes, for lull.repl.edit.
---@param opts lull.repl.CompleteOptions
---@return fun(text: string, position: integer): integer?, lull.repl.Candidate[]?, string?
function complete.new(opts)
  return function(text, position)
    text = text:sub(1, position)
    local first <const>, candidates <const>, common <const> = command(opts, text)
    if first then return first, candidates, common end
    local code <const> = text:match "^%s*%.%a+%s+(.*)$" or text -- what .type and so on are given
    if is_quiet(code) then return in_string(opts, text) end
    local object <const>, mark <const>, start <const> = text:match "^(.*)([%.:])%s*([%a_]?[%w_]*)$"
    local found <const> = nothing()
    if object and (object:sub(-1) ~= "." or mark ~= ".") and not object:find "::?$" and
        not text:find "%f[%w_]%d%w*%.%d*$" then -- behind a number
      local value <const> = evaluate(opts, object)
      if value == nil then return nil end
      add_fields(found, value, start, mark == ":" and as_method or as_name)
      return #text - #start + 1, sorted(found)
    end
    local name = text:match "[%a_][%w_]*$"
    if not name then
      if text:find "%w%.?$" then return nil end -- a number
      name = ""
    elseif text:find("%d" .. name .. "$") then
      return nil
    end
    add_names(found, opts, name)
    return #text - #name + 1, sorted(found)
  end
end

--- Add the paths that begin so to a list; true: there are more.
local function add_paths(paths, start)
  local fs <const> = require "lull.fs"
  local folder <const>, name <const> = start:match "^(.-)([^/]*)$"
  local ok <const>, names <const> = pcall(fs.list, folder == "" and "." or folder)
  for _, each in ipairs(ok and names or {}) do
    local hidden <const> = each:sub(1, 1) == "." and name:sub(1, 1) ~= "."
    if each:sub(1, #name) == name and not hidden then
      if #paths == MAX_FOUND then return true end
      local path <const> = folder .. each
      local found <const>, about <const> = pcall(fs.stat, path)
      paths[#paths + 1] = found and about.type == "directory" and path .. "/" or path
    end
  end
  return false
end

--- Paths that begin so, folders with a slash at their end; for `files`.  Of a folder that is slow
--- those that were seen in time.
---@async
---@param start string
---@return string[]
---@return boolean  there may be more
function complete.files(start)
  local paths <const> = {}
  local is_in_time <const>, is_cut <const> = lull.move_on_after(PATIENCE, add_paths, paths, start)
  return paths, not is_in_time or is_cut
end

return complete
