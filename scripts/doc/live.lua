--- lull.doc.live: which live functions are which of the reference.
--
-- Nothing of a script is called: tables are read raw, and metatables and upvalues by the debug
-- library.  A table is a class when it has the methods of one and no others.
local types = require "lull.doc.types"

local live = {}

local MAX_VALUES <const> = 20000
local MAX_UPVALUES <const> = 60

---@class lull.doc.Search
---@field known lull.doc.Types
---@field classes table<string, lull.doc.Class[]>  by their methods
---@field found table<function, lull.doc.Function>
---@field seen table<any, boolean>
---@field queue table[]  what is still to be looked at, and what was
local Search <const> = {}
Search.__index = Search

--- The names of methods as one text.
local function key_of(names)
  table.sort(names)
  return table.concat(names, " ")
end

local function classes_by_methods(known)
  local classes <const> = {}
  for _, class in ipairs(types.in_order(known)) do
    local names <const> = {}
    for i, fn in ipairs(class.functions) do names[i] = fn.short end
    local key <const> = key_of(names)
    if class.kind == "class" and key ~= "" then
      classes[key] = classes[key] or {}
      table.insert(classes[key], class)
    end
  end
  return classes
end

--- Note the functions of a table that are in the reference.
function Search:note(tbl, class)
  for _, fn in ipairs(class.functions) do
    local value <const> = rawget(tbl, fn.short)
    if type(value) == "function" and not self.found[value] then self.found[value] = fn end
  end
end

--- Is it the table of methods of a class?  Then note them.  Of several classes with the same
--- methods it is the one with the name that the metatable has.
function Search:note_class(tbl, name)
  local names <const> = {}
  for key, value in next, tbl do
    if type(key) == "string" and type(value) == "function" and key:sub(1, 2) ~= "__" then
      names[#names + 1] = key
    end
  end
  local classes <const> = self.classes[key_of(names)]
  if not classes then return nil end
  local class = classes[1]
  for _, each in ipairs(classes) do
    if each.name == name then class = each end
  end
  self:note(tbl, class)
  return class
end

--- Put a value into the queue; `name`: of the metatable it is in.
function Search:enqueue(value, name)
  local kind <const> = type(value)
  if self.seen[value] or kind ~= "table" and kind ~= "function" and kind ~= "userdata" then return end
  if #self.queue >= MAX_VALUES then return end
  self.seen[value] = true
  table.insert(self.queue, { value, name })
end

--- Look at a value, and note what can be reached from it, nearest things first.
function Search:visit(value, name)
  if type(value) == "table" then
    name = rawget(value, "__name") or name
    self:note_class(value, name)
    for _, each in next, value do self:enqueue(each, name) end
  elseif type(value) == "function" then
    for i = 1, MAX_UPVALUES do
      local variable <const>, upvalue <const> = debug.getupvalue(value, i)
      if not variable then break end
      self:enqueue(upvalue, name)
    end
  end
  if type(value) ~= "function" then self:enqueue(debug.getmetatable(value)) end
end

--- The functions of the modules that are loaded.
---@param known lull.doc.Types
---@return table<function, lull.doc.Function>
function live.modules(known)
  local search <const> = setmetatable({ known = known, found = {} }, Search)
  for _, class in ipairs(types.in_order(known)) do
    local module <const> = class.kind == "module" and package.loaded[class.name]
    if type(module) == "table" then search:note(module, class) end
  end
  return search.found
end

--- The methods of the classes that can be reached, too.
---@param known lull.doc.Types
---@param objects any[]  what may not be reached otherwise
---@return table<function, lull.doc.Function>
function live.all(known, objects)
  local search <const> = setmetatable({
    known = known, found = live.modules(known), classes = classes_by_methods(known), queue = {},
    seen = { [_G] = true, [package.loaded] = true, [package] = true },
  }, Search)
  for _, object in ipairs(objects) do search:enqueue(object) end
  for key, value in next, debug.getregistry() do
    if type(value) == "table" and type(key) ~= "number" then search:enqueue(value) end
  end
  for name, module in next, package.loaded do
    if type(name) == "string" and name:find "^lull%f[.\0]" then search:enqueue(module) end
  end
  local i = 1
  while search.queue[i] do
    search:visit(search.queue[i][1], search.queue[i][2])
    i = i + 1
  end
  return search.found
end

--- The class of an object.
---@param known lull.doc.Types
---@param object any  a table or userdata
---@return lull.doc.Class?
function live.class_of(known, object)
  local meta <const> = debug.getmetatable(object)
  if not meta then return nil end
  local search <const> = setmetatable({ known = known, found = {}, classes = classes_by_methods(known) }, Search)
  local index <const>, called <const> = rawget(meta, "__index"), rawget(meta, "__name")
  if type(index) == "table" then return search:note_class(index, called) end
  for i = 1, type(index) == "function" and MAX_UPVALUES or 0 do
    local name <const>, value <const> = debug.getupvalue(index, i)
    if not name then break end
    local class <const> = type(value) == "table" and search:note_class(value, called)
    if class then return class end
  end
end

return live
