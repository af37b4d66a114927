--- lull.repl.chunk: compiling what was typed, so that locals outlive their line.
--
-- Every chunk is compiled as a function inside another one that declares the older
-- locals it names; its upvalues are then joined to the variables themselves.  So a
-- name means what it would mean had all the lines been one text, and a variable is
-- shared with the closures made from it earlier.
--
-- To get at new locals, the text is given a call after each declaration of its top
-- level: it passes a closure over them.  A declaration that was reached thus stays,
-- even if a later statement of the line fails.  No line is added, so positions stay.
local scan = require "lull.repl.scan"

-- The prompt goes on whatever is done to the globals.
local ipairs <const>, load <const>, next <const>, pairs <const> = ipairs, load, next, pairs
local setmetatable <const> = setmetatable
local rawequal <const>, rawget <const>, rawset <const> = rawequal, rawget, rawset
local concat <const>, pack <const>, unpack <const> = table.concat, table.pack, table.unpack
local getupvalue <const>, upvaluejoin <const> = debug.getupvalue, debug.upvaluejoin

--- Where a local of an earlier line lives: upvalue `index` of `closure`; or nowhere, being
--- a constant that the compiler has put in place of its name.
---@class lull.repl.Cell
---@field const boolean
---@field closure? function
---@field index? integer
---@field value? any

--- The locals of a session and what compiles in their sight.
---@class lull.repl.Locals
---@field cells table<string, lull.repl.Cell>
---@field own table<string, lull.repl.OwnVariable>  of the prompt's, where a script has none of the name
---@field globals table  the _ENV of every chunk, unless a local hides it
---@field declared table<string, lull.repl.Cell|false>  by the latest chunk: what had the name before
local Locals <const> = {}
Locals.__index = Locals

--- A variable that the prompt sets, and chunks see as if it was a local.
---@class lull.repl.OwnVariable
---@field cell lull.repl.Cell
---@field value any  what the prompt has set it to
---@field hides? boolean  a global of its name
---@field set fun(value: any)
---@field get fun(): any

local chunk_name <const> = "=stdin"

--- Is this a complaint about the end of the text, so that more of it may help?
local function is_incomplete(message)
  return message:sub(-5) == "<eof>"
end

--- The text as a chunk that compiles: an expression becomes what returns it.
---@return string? source, string? message, boolean? incomplete
local function complete(text, name)
  if text:sub(1, 1) == "=" then text = "return " .. text:sub(2) end
  local as_expression <const> = "return " .. text
  local _, expression_message = load(as_expression, name, "t")
  if not expression_message then return as_expression end
  local _, message = load(text, name, "t")
  if not message then return text end
  local stuck_at <const> = message:match "unexpected symbol near '(.*)'$"
  if stuck_at and text:match "^%s*(.*)":sub(1, #stuck_at) == stuck_at then
    message = expression_message -- it cannot have been meant as a statement
  end
  return nil, message, is_incomplete(message) or is_incomplete(expression_message)
end

--- A name that the chunk does not use.
local function fresh_name(used)
  local name = "__lull_keep"
  while used[name] do name = name .. "_" end
  return name
end

--- The text with a call of `keep` after each declaration.
local function with_calls(text, declarations, keep)
  local parts <const>, at = {}, 1
  for i, declaration in ipairs(declarations) do
    parts[#parts + 1] = text:sub(at, declaration.stop)
    parts[#parts + 1] = (";%s(%d,function()return %s end);"):format(keep, i,
      concat(declaration.names, ","))
    at = declaration.stop + 1
  end
  parts[#parts + 1] = text:sub(at)
  return concat(parts)
end

--- The index of an upvalue; nil: the function has none of this name.
local function upvalue_of(fn, wanted)
  local i = 1
  while true do
    local name <const> = getupvalue(fn, i)
    if name == wanted or not name then return name and i end
    i = i + 1
  end
end

--- Take the variables of a declaration from a closure that returns them.
function Locals:_keep(declaration, closure)
  local values <const> = pack(closure())
  for i, name in ipairs(declaration.names) do
    local index <const> = upvalue_of(closure, name)
    local const <const> = declaration.const[name] or false
    if self.declared[name] == nil then self.declared[name] = self.cells[name] or false end
    self.cells[name] = index and { const = const, closure = closure, index = index }
      or { const = const, value = values[i] }
  end
end

--- Forget what the latest chunk has declared.  This needs no memory.
---@return boolean  there was something
function Locals:drop()
  local any = false
  for name, before in next, self.declared do
    self.cells[name] = before or nil
    self.declared[name] = nil
    any = true
  end
  return any
end

--- Where the variable of a name lives; nil: it is a global.
---@param name string
---@return lull.repl.Cell?
function Locals:cell(name)
  local cell <const> = self.cells[name]
  if cell then return cell end
  local own <const> = self.own[name]
  return own and (own.hides or rawget(self.globals, name) == nil) and own.cell or nil
end

--- The older locals that a chunk can name, and the name for `keep` at the end.
---@return string[] declared, any[] values
function Locals:_declare(used, keep_name, keep)
  local declared <const>, values <const> = {}, { n = 0 }
  local function declare(name, value)
    declared[#declared + 1] = name
    values.n = values.n + 1
    values[values.n] = value
  end
  for name in pairs(used) do
    local cell <const> = self:cell(name)
    if cell then declare(cell.const and name .. " <const>" or name, cell.value) end
  end
  declare(keep_name, keep)
  return declared, values
end

--- Join the upvalues of a compiled chunk to the variables of their names.
function Locals:_join(fn)
  local i = 1
  while true do
    local name <const> = getupvalue(fn, i)
    if not name then return end
    local cell <const> = self:cell(name)
    if cell and cell.closure then upvaluejoin(fn, i, cell.closure, cell.index) end
    i = i + 1
  end
end

--- Set a variable that is neither a global nor a local of the script's.  One that a chunk has set
--- itself becomes a global, which the prompt leaves alone.
---@param name string
---@param value any
---@param hides? boolean  a global of this name; a local it never does
function Locals:set_own(name, value, hides)
  self:release(name)
  local own = self.own[name]
  if not own then
    local variable
    own = { get = function() return variable end, set = function(new) variable = new end }
    own.hides = hides
    own.cell = { const = false, closure = own.get, index = 1 }
    self.own[name] = own
  end
  own.set(value)
  own.value = value
end

--- Make a global of a variable of the prompt's that a chunk has set.
---@param name string
function Locals:release(name)
  local own <const> = self.own[name]
  if not own or rawequal(own.get(), own.value) then return end
  self.own[name] = nil
  if rawget(self.globals, name) == nil then rawset(self.globals, name, own.get()) end
end

--- Compile what was typed.
---@param text string
---@param name? string  of the chunk, as for `load`; default: what `lua` calls its prompt
---@return function? fn  runs it; nil: it does not compile
---@return string? message  the error
---@return boolean? incomplete  with more lines it may compile
function Locals:compile(text, name)
  name = name or chunk_name
  local source <const>, message, incomplete = complete(text, name)
  if not source then return nil, message, incomplete end
  local outline <const> = scan(source)
  outline.names._ENV = true -- every global is a field of it
  local keep <const> = fresh_name(outline.names)
  local declared <const>, values <const> = self:_declare(outline.names, keep, function(i, closure)
    self:_keep(outline.locals[i], closure)
  end)
  local enclosing <const>, why = load(("local %s = ... return function(...) %s\nend"):format(
    concat(declared, ","), with_calls(source, outline.locals, keep)), name, "t",
    self.globals)
  if not enclosing then return nil, why end
  local fn <const> = enclosing(unpack(values, 1, values.n))
  self:_join(fn)
  self.declared = {}
  return fn
end

local chunk = {}

--- A session without locals.
---@param globals table
---@return lull.repl.Locals
function chunk.new(globals)
  return setmetatable({ cells = {}, own = {}, globals = globals, declared = {} }, Locals)
end

--- Is a text all that it will be, be it right or wrong?
---@param text string
---@return boolean
function chunk.is_complete(text)
  local source <const>, _, incomplete <const> = complete(text, chunk_name)
  return source ~= nil or not incomplete
end

--- Is a text an expression, or several?
---@param text string
---@return boolean
function chunk.is_expression(text)
  return load(text, chunk_name, "t") == nil and load("return " .. text, chunk_name, "t") ~= nil
end

return chunk
