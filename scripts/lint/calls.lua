--- lull.lint.calls: calls of lull's functions, held against the reference.
--
-- A stage of luacheck, which has made the syntax tree and knows which name is which variable.
-- Only what is sure is reported: a variable counts when it is set once, where it is declared; a
-- module as long as nobody in the file may have changed it; and what is not there is not missed
-- where the file asks whether it is.
local near = require "lull.doc.near"
local types = require "lull.doc.types"

local calls = {}

local function hint(warning, quote)
  return warning.near and ("; did you mean %s%s%s?"):format(quote, warning.near, quote) or ""
end

local function plural(count)
  return count:find "%f[%d]1$" and "argument" or "arguments"
end

--- What is said about a warning, by its code.
calls.messages = {
  ["901"] = function(w) return ("%s has no function '%s'%s"):format(w.of, w.name, hint(w, "'")) end,
  ["902"] = function(w)
    return ("%s needs %s %s, not %s"):format(w.name, w.needed, plural(w.needed), w.given)
  end,
  ["903"] = function(w)
    return ("%s takes %s %s, not %s"):format(w.name, w.needed, plural(w.needed), w.given)
  end,
  ["904"] = function(w) return ("%s has no option '%s'%s"):format(w.of, w.name, hint(w, "'")) end,
  ["905"] = function(w) return ("%s is called with '%s'"):format(w.name, w.sign) end,
  ["911"] = function(w) return ("%s holds up all tasks%s"):format(w.name, hint(w, "")) end,
}

--- What holds up the loop, and what to use in its place.
local BLOCKING <const> = {
  ["os.execute"] = "lull.process.run", ["io.popen"] = "lull.process.open", ["io.read"] = "lull.term.prompt",
  ["io.lines"] = "lull.fs.open", ["io.open"] = "lull.fs.open", ["os.remove"] = "lull.fs.remove",
  ["os.rename"] = "lull.fs.rename",
}

--- Functions that change none of their arguments.
local HARMLESS <const> = {
  type = true, tostring = true, print = true, pairs = true, ipairs = true, next = true, rawget = true,
  rawequal = true, rawlen = true, select = true, getmetatable = true,
}

---@class lull.lint.Checker
---@field known lull.doc.Types
---@field state table                  of luacheck
---@field values table<table, any>     by variable: what it holds; false: unknown
---@field changed table<string, boolean>  modules that the file may change
---@field asked table<string, boolean>    names that are not there, which it looks for
---@field calls table[]                  as they come
local Checker <const> = {}
Checker.__index = Checker

-- ---- what an expression is ----
-- { module = class }, { object = class }, { fn = function, of = class, is_method = boolean },
-- { missing = name, of = class }, or nil: unknown

--- The function of a class or of those it is made of.
function Checker:function_of(class, name)
  for _, fn in ipairs(class.functions) do
    if fn.short == name then return fn end
  end
  for _, parent in ipairs(class.parents) do
    local above <const> = self.known.classes[parent]
    local fn <const> = above and self:function_of(above, name)
    if fn then return fn end
  end
end

--- What a value of a type is.
function Checker:typed(type_text)
  local class <const> = self.known.classes[(type_text:gsub("%?$", ""))]
  if not class then return nil end
  return class.kind == "module" and { module = class } or #class.functions > 0 and { object = class } or nil
end

--- A field of a module or an object.
function Checker:field(base, name)
  local class <const> = base.module or base.object
  local fn <const> = self:function_of(class, name)
  if fn then return { fn = fn, of = class, is_method = base.object ~= nil } end
  if class.name == "lull" and self.known.modules["lull." .. name] then
    return { module = self.known.modules["lull." .. name] }
  end
  local fields <const>, open <const> = types.fields(self.known, class.name)
  for _, field in ipairs(fields) do
    if field.name == name then return self:typed(field.type) end
  end
  return not open and { missing = name, of = class } or nil
end

--- What a variable holds; nil: it is set more than once, or it is not known to what.
function Checker:variable(var)
  if self.values[var] ~= nil then return self.values[var] or nil end
  self.values[var] = false
  local value <const> = #var.values == 1 and var.values[1]
  local item <const> = value and value.item
  if not item or item.tag ~= "Local" or not item.rhs then return nil end
  for i, node in ipairs(item.lhs) do
    if node.var == var then
      local place <const> = math.min(i, #item.rhs)
      self.values[var] = self:what(item.rhs[place], i - place + 1) or false
    end
  end
  return self.values[var] or nil
end

--- The name of a global; nil: it is none.
local function global(node)
  return node.tag == "Id" and not node.var and node[1] or nil
end

--- What a call returns in a place.
function Checker:result(node, place)
  if node.tag == "Call" and global(node[1]) == "require" then
    local name <const> = #node == 2 and node[2].tag == "String" and node[2][1]
    return place == 1 and name and self.known.modules[name] and { module = self.known.modules[name] } or nil
  end
  local called <const> = self:called(node)
  local returned <const> = called and called.fn and called.fn.returns[place]
  return returned and self:typed(returned.type) or nil
end

--- What an expression is; of a call: what it returns in a place.
function Checker:what(node, place)
  if node.tag == "Call" or node.tag == "Invoke" then return self:result(node, place or 1) end
  if (place or 1) > 1 then return nil end
  if node.tag == "Id" then
    return node.var and self:variable(node.var)
  elseif node.tag == "Paren" then
    return self:what(node[1])
  elseif node.tag == "Index" and node[2].tag == "String" then
    local base <const> = self:what(node[1])
    return base and (base.module or base.object) and self:field(base, node[2][1]) or nil
  end
end

--- What is called.
function Checker:called(node)
  if node.tag == "Call" then return self:what(node[1]) end
  local base <const> = self:what(node[1])
  return base and (base.module or base.object) and self:field(base, node[2][1]) or nil
end

-- ---- who changes what ----

function Checker:note_change(node)
  local base <const> = self:what(node)
  if base and base.module then self.changed[base.module.name] = true end
  if base and base.object and node.var then self.values[node.var] = false end
end

--- What a call may change: a module that is handed to a function.
function Checker:note_arguments(node)
  if HARMLESS[global(node[1])] then return end
  for i = 2, #node do
    local given <const> = self:what(node[i])
    if given and given.module then self.changed[given.module.name] = true end
  end
end

--- Note calls, what may be changed, and names that are not there and are used otherwise than by
--- calling them; a variable may have those first.
---@param node table
---@param is_used? boolean  it is called, or what a variable is set to
function Checker:scan(node, is_used)
  local tag <const> = node.tag
  if tag == "Index" or tag == "Id" then
    local value <const> = not is_used and self:what(node)
    if value and value.missing then self.asked[value.of.name .. "." .. value.missing] = true end
  elseif tag == "Call" or tag == "Invoke" then
    self.calls[#self.calls + 1] = node
    self:note_arguments(node)
  elseif tag == "Set" then
    for _, target in ipairs(node[1]) do
      if target.tag == "Index" then self:note_change(target[1]) end
    end
  elseif tag == "Local" then
    for _, value in ipairs(node[2] or {}) do self:scan(value, true) end
    return
  end
  for i, child in ipairs(node) do
    if type(child) == "table" then self:scan(child, tag == "Call" and i == 1) end
  end
end

-- ---- what is wrong ----

function Checker:warn(code, node, fields)
  self.state:warn_range(code, node, fields)
end

--- May this type be a table that is none of the classes?
local function is_loose(known, alternative)
  return alternative:find "[{%[<(]" or alternative == "table" or alternative == "any"
    or #alternative == 1 or known.aliases[alternative]
    or alternative:find "^lull" and not known.classes[alternative]
end

--- The fields that a table may have which is given for a type; nil: any.
function Checker:options_of(type_text)
  local fields, of = nil, nil
  for alternative in type_text:gsub("%?$", ""):gmatch "[^|]+" do
    if is_loose(self.known, alternative) then return nil end
    local class <const> = self.known.classes[alternative]
    if class and #class.functions == 0 then
      local all <const>, open <const> = types.fields(self.known, alternative)
      if open or #all == 0 then return nil end
      fields = fields or {}
      if class.is_list then fields.n = "integer" end
      of = of or alternative
      for _, field in ipairs(all) do fields[field.name] = field.type end
    end
  end
  return fields, of
end

--- A table constructor, given for a type.
function Checker:check_options(node, type_text)
  local fields <const>, of <const> = self:options_of(type_text)
  if not fields then return end
  for _, pair in ipairs(node) do
    if pair.tag == "Pair" and pair[1].tag == "String" and pair[1][1]:find "^[%a_][%w_]*$" then
      local name <const> = pair[1][1]
      if not fields[name] then
        local names <const> = {}
        for each in pairs(fields) do names[#names + 1] = each end
        self:warn("904", pair[1], { name = name, of = of, near = near(name, names)[1] })
      elseif pair[2].tag == "Table" then
        self:check_options(pair[2], fields[name])
      end
    end
  end
end

--- How many arguments a function needs, and takes; no maximum: any number.
local function arity(fn)
  local needed, most = 0, #fn.params
  for i, parameter in ipairs(fn.params) do
    local text <const> = parameter.type
    if parameter.name == "..." then
      most = nil
    elseif not parameter.optional and text ~= "any" and not text:find "%?$" and not text:find "nil"
      and #text > 1 then
      needed = i
    end
  end
  return needed, most
end

function Checker:check_arguments(node, called, first)
  local fn <const> = called.fn
  local count = #node - first + 1
  local last <const> = node[#node]
  local is_exact <const> = count == 0 or last.tag ~= "Call" and last.tag ~= "Invoke" and last.tag ~= "Dots"
  if not is_exact then count = count - 1 end
  local needed <const>, most <const> = arity(fn)
  local fields <const> = { name = fn.name, given = ("%d"):format(count) }
  if is_exact and count < needed then
    fields.needed = (most == needed and "%d" or "at least %d"):format(needed)
    self:warn("902", node, fields)
  elseif most and count > most then
    fields.needed = (most == needed and "%d" or "at most %d"):format(most)
    self:warn("903", node, fields)
  end
  for i = first, #node do
    local parameter <const> = fn.params[i - first + 1]
    if parameter and parameter.name ~= "..." and node[i].tag == "Table" then
      self:check_options(node[i], parameter.type)
    end
  end
end

--- A function that is not there.
function Checker:check_missing(node, called)
  local names <const> = {}
  for i, fn in ipairs(called.of.functions) do names[i] = fn.short end
  local place <const> = node.tag == "Invoke" and node[2] or node[1][2] or node
  self:warn("901", place.line and place or node,
    { name = called.missing, of = called.of.name, near = near(called.missing, names)[1] })
end

function Checker:check_call(node)
  local called <const> = self:called(node)
  if not called or called.of and self.changed[called.of.name] then return end
  if called.missing then
    if not self.asked[called.of.name .. "." .. called.missing] then self:check_missing(node, called) end
    return
  end
  if not called.fn or #called.fn.overloads > 0 then return end
  local with_colon <const> = node.tag == "Invoke"
  if with_colon and not called.is_method then
    return self:warn("905", node, { name = called.fn.name, sign = ":" })
  elseif called.is_method and not with_colon and #node == 1 then
    return self:warn("905", node, { name = called.fn.name, sign = "." })
  end
  self:check_arguments(node, called, (with_colon or called.is_method) and 3 or 2)
end

--- What Lua's own libraries do while all tasks wait.
function Checker:check_blocking(node)
  local fn <const> = node[1]
  if fn.tag ~= "Index" or fn[2].tag ~= "String" or not global(fn[1]) then return end
  local name <const> = global(fn[1]) .. "." .. fn[2][1]
  if BLOCKING[name] then self:warn("911", node, { name = name, near = BLOCKING[name] }) end
end

--- Look at all calls.
---@param state table  luacheck's, behind its other stages
---@param known lull.doc.Types
function calls.run(state, known)
  local text <const> = state.source_bytes
  if not text:find("lull", 1, true) and not text:find "%f[%w]os%f[%W]" and not text:find "%f[%w]io%f[%W]" then
    return
  end
  local checker <const> = setmetatable({
    known = known, state = state, values = {}, changed = {}, asked = {}, calls = {},
  }, Checker)
  checker:scan(state.ast)
  for _, node in ipairs(checker.calls) do
    checker:check_call(node)
    if node.tag == "Call" then checker:check_blocking(node) end
  end
end

return calls
