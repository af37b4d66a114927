--- lull.doc: the reference of lull's functions, for the command line and the prompt.
--
-- It is what scripts/types says, put together when lull is built, read when it is first asked for.
local check = require "lull.check"
local live = require "lull.doc.live"
local lull = require "lull"
local manual = require "lull.doc.manual"
local near = require "lull.doc.near"
local render = require "lull.doc.render"
local types = require "lull.doc.types"

local doc = {}

---@class lull.doc.Index
---@field known lull.doc.Types
---@field exact table<string, table>    entries by name, with dots only
---@field tails table<string, table[]>  by what is left of a name without its first parts
---@field names string[]  last parts
local index -- read when it is first needed

--- What stands in a signature in place of the parameters.
local function parameters(fn)
  local names <const> = {}
  for i, each in ipairs(fn.params) do names[i] = each.name .. (each.optional and "?" or "") end
  return "(" .. table.concat(names, ", ") .. ")"
end

local function results(fn)
  local names <const> = {}
  for i, each in ipairs(fn.returns) do names[i] = each.type end
  return #names > 0 and " -> " .. table.concat(names, ", ") or ""
end

local function add(entry)
  local dotted <const> = entry.name:gsub(":", ".")
  index.exact[dotted] = entry
  local tail = dotted
  while tail do
    index.tails[tail] = index.tails[tail] or {}
    table.insert(index.tails[tail], entry)
    tail = tail:match "^[^.]+%.(.*)$"
  end
  index.names[#index.names + 1] = dotted:match "[^.]+$"
end

--- The index; raises where the reference was looked for, when it is not there.
local function load()
  if index then return index end
  local file <close> = assert(io.open((require "lull.doc.native")))
  index = { known = types.parse(file:read "a"), exact = {}, tails = {}, names = {} }
  for _, class in ipairs(types.in_order(index.known)) do
    class.signature, class.async = class.name, false
    add(class)
    for _, fn in ipairs(class.functions) do
      fn.arguments = parameters(fn)
      fn.signature = fn.name .. fn.arguments .. results(fn)
      add(fn)
    end
  end
  for _, alias in ipairs(types.aliases_in_order(index.known)) do
    alias.signature, alias.async = alias.name, false
    add(alias)
  end
  return index
end

--- What the reference says, as tables: of use for tools.
---@return lull.doc.Types
function doc.types()
  return load().known
end

--- What has a name: by all of it, or by its last parts ("gather", "fs.read_file", "Stream:read").
---@param name string
---@return lull.doc.Entry[] # none, one or several
function doc.matches(name)
  check.type(name, 1, "matches", "string")
  load()
  local dotted <const> = name:gsub(":", "."):gsub("%(%)$", "")
  if index.exact[dotted] then return { index.exact[dotted] } end
  local own <const> = manual.by_name(name:gsub("%(%)$", ""):gsub(" ", ""))
  if own then return { own } end
  local found <const> = {}
  for _, entry in ipairs(index.tails[dotted] or {}) do found[#found + 1] = entry end
  table.sort(found, function(a, b)
    if #a.name ~= #b.name then return #a.name < #b.name end
    return a.name < b.name
  end)
  return found
end

--- Functions by value: those of loaded modules first, then what takes longer to find.
local function by_value(fn)
  local entry = manual.by_value(fn) or live.modules(index.known)[fn]
  if entry then return entry end
  return live.all(index.known, { lull.future(), (lull.var()), lull.current() })[fn]
end

--- Find what the reference says of something: a name, as for `matches`; a function; or an object of
--- lull, such as a stream.
---@param what string|function|table|userdata
---@return lull.doc.Entry? # nil: nothing, or several have this name
function doc.find(what)
  local kind <const> = type(what)
  if kind == "string" then
    local found <const> = doc.matches(what)
    return #found == 1 and found[1] or nil
  end
  load()
  if kind == "function" then return by_value(what) end
  if kind ~= "table" and kind ~= "userdata" then return nil end
  for name, class in pairs(index.known.modules) do
    if rawequal(package.loaded[name], what) then return class end
  end
  for _, name in ipairs { "string", "table", "math", "io", "os", "coroutine", "utf8", "debug", "package" } do
    if rawequal(package.loaded[name], what) then return manual.by_name(name) end
  end
  return live.class_of(index.known, what)
end

--- Names in the reference that are nearly this one.
---@param name string
---@return string[] # full names, the nearest first, a few at most
function doc.suggest(name)
  check.type(name, 1, "suggest", "string")
  load()
  local owner <const>, last <const> = name:match "^(.-)([^.:]*)$"
  local own <const>, found <const>, seen <const> = {}, {}, {}
  for _, each in ipairs(near(last, index.names)) do
    for _, entry in ipairs(index.tails[each]) do
      if not seen[entry] then
        seen[entry] = true
        local is_own <const> = owner ~= "" and entry.name:sub(1, #owner) == owner
        table.insert(is_own and own or found, entry.name)
      end
    end
  end
  table.move(found, 1, #found, #own + 1, own) -- after those of the module that was named
  return table.move(own, 1, 5, 1, {})
end

--- The modules.
---@return lull.doc.Entry[] # sorted by name
function doc.modules()
  local found <const> = {}
  for _, class in ipairs(types.in_order(load().known)) do
    if class.kind == "module" then found[#found + 1] = class end
  end
  return found
end

--- Write an entry as text.
---@param entry lull.doc.Entry
---@param opts? lull.doc.RenderOptions
---@return string # lines, each with its newline
function doc.render(entry, opts)
  check.type(entry, 1, "render", "table")
  check.options(opts, 2, "render", { width = "count", color = "boolean" })
  return render(load().known, entry, opts or {})
end

return doc
