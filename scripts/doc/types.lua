--- lull.doc.types: reads definition files, as they are in scripts/types.
--
-- They are read as text, line by line, and never run.  What is there is what tests/spec/types_spec.lua
-- allows: blocks of comments, each followed by a function, by a table, or by nothing.

local types = {}

---@class lull.doc.Value
---@field name? string     of a parameter or field; "..." for more
---@field type string
---@field optional boolean
---@field text string

---@class lull.doc.Function
---@field kind "function"|"method"
---@field name string      "lull.net.connect", "lull.net.Stream:read"
---@field short string     "connect"
---@field owner string     the class that it stands in
---@field module string
---@field text string
---@field async boolean
---@field params lull.doc.Value[]
---@field returns lull.doc.Value[]
---@field overloads string[]

---@class lull.doc.Class
---@field kind "class"|"module"
---@field name string
---@field module string
---@field text string
---@field parents string[]
---@field fields lull.doc.Value[]
---@field functions lull.doc.Function[]
---@field open boolean      it may have other fields
---@field is_list? boolean  it has numbered ones

---@class lull.doc.Alias
---@field kind "alias"
---@field name string
---@field module string
---@field text string
---@field values lull.doc.Value[]  what it stands for: the types as names

---@class lull.doc.Types
---@field modules table<string, lull.doc.Class>
---@field classes table<string, lull.doc.Class>  modules, too
---@field aliases table<string, lull.doc.Alias>

-- ---- types ----

local BRACKETS <const> = { ["{"] = "^%b{}", ["("] = "^%b()", ['"'] = '^"[^"]*"' }

local skip_type

--- The end of one alternative of a type that begins at a position; nil: there is none.
local function skip_atom(text, at)
  local _, stop = text:find("^async ", at)
  at = stop and stop + 1 or at
  local _, open <const> = text:find("^fun%f[(]", at)
  if open then
    _, stop = text:find("^%b()", open + 1)
    local _, colon <const> = text:find("^: *", stop + 1)
    while colon and at do
      at = skip_type(text, (at > stop and at or colon) + 1)
      if not at then return nil end
      stop = at
      _, at = text:find("^, *", stop + 1)
    end
    return stop
  end
  _, stop = text:find(BRACKETS[text:sub(at, at)] or "^[%w_.*-]+", at)
  if stop then _, stop = text:find("^%b<>", stop + 1) or at, text:match("^%b<>()", stop + 1) or stop + 1 end
  return stop and stop - 1
end

--- The end of one alternative with what makes it a list or optional, and where the next begins.
local function skip_alternative(text, at)
  local stop <const> = skip_atom(text, at)
  if not stop then return nil end
  local after <const> = text:match("^[%[%]?]+()", stop + 1) or stop + 1
  return after - 1, text:match("^ ?| ?()", after)
end

--- The last byte of the type that begins at a position; nil: there is none.
function skip_type(text, at)
  while true do
    local stop <const>, after <const> = skip_alternative(text, at)
    if not after then return stop end
    at = after
  end
end

--- A type, and what stands behind it.
local function split_type(text)
  local stop <const> = skip_type(text, 1) or #text
  return text:sub(1, stop), (text:sub(stop + 1):gsub("^%s+", ""):gsub("^# *", ""))
end

--- The alternatives of a type, in order.
local function alternatives_of(text)
  local found <const>, at = {}, 1
  while at do
    local stop <const>, after <const> = skip_alternative(text, at)
    found[#found + 1] = text:sub(at, stop)
    at = after
  end
  return found
end

-- ---- blocks of comments ----

--- Take the lines of a block apart.
---@return { text: string, tags: { tag: string, rest: string }[] }
local function read_block(lines)
  local text <const>, tags <const> = {}, {}
  for _, line in ipairs(lines) do
    local tag <const>, rest <const> = line:match "^%-%-%-@(%a+) *(.*)$"
    local alternative <const> = line:match "^%-%-%-| *(.*)$"
    local last <const> = tags[#tags]
    if tag then
      tags[#tags + 1] = { tag = tag, rest = rest }
    elseif alternative then
      last.alternatives = last.alternatives or {}
      table.insert(last.alternatives, alternative)
    elseif last and line:find "^%-%-%-  " then
      last.rest = last.rest .. line:gsub("^%-%-%-%s+", " ")
    else
      text[#text + 1] = line:gsub("^%-%-%- ?", "")
    end
  end
  return { text = table.concat(text, "\n"), tags = tags }
end

local function read_value(rest)
  local name <const>, mark <const>, behind <const> = rest:match "^([%w_.]+)(%??)%s+(.*)$"
  if not name then return nil end -- such as [integer]
  local type <const>, text <const> = split_type(behind)
  return { name = name, type = type, optional = mark == "?", text = text }
end

--- What an alias stands for: alternatives behind it, or a line each.
local function read_alias(tag, text)
  local name <const>, type <const> = tag.rest:match "^([%w_.]+) *(.*)$"
  local found <const> = { kind = "alias", name = name, text = text, values = {} }
  for _, line in ipairs(tag.alternatives or alternatives_of(type)) do
    local value <const>, about <const> = split_type(line)
    table.insert(found.values, { name = value, type = "", optional = false, text = about })
  end
  return found
end

local function read_function(block, owner, separator, short)
  local found <const> = {
    kind = separator == ":" and "method" or "function", name = owner.name .. separator .. short,
    short = short, owner = owner.name, module = owner.module, text = block.text, async = false,
    params = {}, returns = {}, overloads = {},
  }
  for _, each in ipairs(block.tags) do
    if each.tag == "async" then
      found.async = true
    elseif each.tag == "param" then
      table.insert(found.params, read_value(each.rest))
    elseif each.tag == "return" then
      local type <const>, text <const> = split_type(each.rest)
      table.insert(found.returns, { type = type, text = text, optional = false })
    elseif each.tag == "overload" then
      table.insert(found.overloads, each.rest)
    end
  end
  return found
end

-- ---- files ----

--- What is being read.
local Reader <const> = {}
Reader.__index = Reader

--- The module of a class is what its name says, if that is one.
function Reader:module_of(name)
  local parent <const> = name:match "^(.*)%.[^.]+$"
  return parent and self.types.modules[parent] and parent or self.module or "lull"
end

function Reader:read_class(block)
  local class
  for _, each in ipairs(block.tags) do
    if each.tag == "class" then
      local name <const>, parents <const> = each.rest:match "^([%w_.]+):? *(.*)$"
      class = self.types.classes[name] or { -- one that is there already gets more fields
        kind = name == self.module and "module" or "class", name = name, text = block.text,
        parents = {}, fields = {}, functions = {}, open = false,
      }
      for parent in parents:gmatch "[%w_.]+" do table.insert(class.parents, parent) end
      if class.kind == "module" then
        self.types.modules[name] = class
        class.text = self.text
      end
      class.module = class.kind == "module" and name or self:module_of(name)
      self.types.classes[name] = class
    elseif each.tag == "field" and class then
      local field <const> = read_value(each.rest)
      if field then
        table.insert(class.fields, field)
      elseif each.rest:find "^%[integer%]" then
        class.is_list = true
      else
        class.open = true
      end
    elseif each.tag == "alias" then
      local alias <const> = read_alias(each, block.text)
      alias.module = self:module_of(alias.name)
      self.types.aliases[alias.name] = alias
    end
  end
  return class
end

--- The text of a module: "Definitions for editors: what it is.  More."
local function read_head(text)
  local first <const>, rest <const> = text:match "^%s*Definitions for editors[^:]*: *(.)(.*)$"
  return first and first:upper() .. rest or text
end

--- One line that is no comment of a block, below the block.
function Reader:read_line(line, block)
  local owner <const>, separator <const>, short <const> = line:match "^function ([%a_]+)([.:])([%w_]+)%("
  local class <const> = self:read_class(block) or self.last
  self.last = nil
  if owner then
    local of <const> = assert(self.variables[owner], line)
    local found <const> = read_function(block, of, separator, short)
    table.insert(of.functions, found)
  elseif line:find "^local [%a_]+ = {}$" then
    self.variables[line:match "^local ([%a_]+)"] = class
  end
end

--- Read definition files, one behind the other: each begins with ---@meta.
---@param text string
---@return lull.doc.Types
function types.parse(text)
  local found <const> = { modules = {}, classes = {}, aliases = {} }
  local reader
  local lines, head = {}, nil
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do
    local meta <const> = line:match "^%-%-%-@meta *(.*)$"
    if meta then
      local module <const> = meta:find "^lull" and meta or nil
      reader = setmetatable({ types = found, module = module, variables = {}, text = "" }, Reader)
      head, lines = {}, {}
    elseif head and line:find "^%-%-%f[^-]" then
      head[#head + 1] = line:gsub("^%-%- ?", "")
    elseif line:find "^%-%-%-" then
      lines[#lines + 1] = line
    elseif reader then
      if head then
        reader.text = read_head(table.concat(head, "\n"))
        head = nil
      end
      reader:read_line(line, read_block(lines))
      lines = {}
    end
  end
  return found
end

local function by_name(entries)
  local sorted <const> = {}
  for _, each in pairs(entries) do sorted[#sorted + 1] = each end
  table.sort(sorted, function(a, b) return a.name < b.name end)
  return sorted
end

--- The classes, modules included, by their names.
---@param known lull.doc.Types
---@return lull.doc.Class[]
function types.in_order(known)
  return by_name(known.classes)
end

--- The aliases, likewise.
---@param known lull.doc.Types
---@return lull.doc.Alias[]
function types.aliases_in_order(known)
  return by_name(known.aliases)
end

--- The fields of a class, those of its parents behind its own; and whether it may have others.
---@param known lull.doc.Types
---@param name string
---@return lull.doc.Value[]? # nil: there is no such class
---@return boolean? open
function types.fields(known, name)
  local class <const> = known.classes[name]
  if not class then return nil end
  local fields <const> = { table.unpack(class.fields) }
  local open = class.open
  for _, parent in ipairs(class.parents) do
    local inherited <const>, more <const> = types.fields(known, parent)
    open = open or more or not inherited
    table.move(inherited or {}, 1, inherited and #inherited or 0, #fields + 1, fields)
  end
  return fields, open
end

return types
