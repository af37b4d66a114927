---@meta lull.doc
--
-- Definitions for editors: the reference of lull's functions, as `lull doc` shows it.
--
-- It is read when it is first asked for, from a file that is installed with lull; where that is
-- missing, all functions raise where it was looked for.  Not for scripts that may not do
-- everything.

---@class lull.doc
local doc = {}

--- What the reference says of one thing.  Do not change it.
---@class lull.doc.Entry
---@field kind "module"|"class"|"alias"|"function"|"method"|"lua"  lua: of Lua's own library
---@field name string       "lull.net.connect", "lull.net.Stream:read"
---@field module string     "lull.net"
---@field signature string  "lull.net.connect(host, port, opts?) -> lull.net.Stream"
---@field text string
---@field async boolean     it suspends
---@field params? table[]   of functions: tables with name, type, optional, text
---@field returns? table[]  of functions: tables with type, text
---@field fields? table[]   of modules and classes: as params
---@field functions? lull.doc.Entry[]
---@field values? table[]   of aliases: what they stand for, tables with name, text

---@class lull.doc.RenderOptions
---@field width? integer  columns; those of the terminal, 100 at most
---@field color? boolean  styles of a terminal; whether standard output takes them

--- Find what the reference says of something: a name, all of it or its last parts ("gather",
--- "fs.read_file", "Stream:read"); a function, also a method of an object; a module; or an object
--- of lull.  Of Lua's own functions it knows where their manual is.
---@param what any
---@return lull.doc.Entry? # nil: nothing, or several have this name
function doc.find(what) end

--- Find all that has a name, as for `find`.
---@param name string
---@return lull.doc.Entry[] # the shortest names first
function doc.matches(name) end

--- Names in the reference that are nearly this one.
---@param name string
---@return string[] # the nearest first, 5 at most
function doc.suggest(name) end

--- The modules.
---@return lull.doc.Entry[] # sorted by name
function doc.modules() end

--- Write an entry as text.
---@param entry lull.doc.Entry
---@param opts? lull.doc.RenderOptions
---@return string # lines, each with its newline
function doc.render(entry, opts) end

--- All of it, for tools: `modules`, `classes` and `aliases`, each by name.
---@return table
function doc.types() end

return doc
