--- lull.repl.edit: a line editor for prompts, on any terminal that can be read and written.
--
-- The text may have several lines.  While it is edited other tasks run, and what they print
-- with `print_above` appears above it.  What the editor needs of a terminal is in
-- lull.repl.Terminal: the process's own one is `edit.tty()`, any other one, of a connection,
-- say, is a table with these functions.
local check = require "lull.check"
local editor = require "lull.repl.edit.editor"

local edit = {}

---@class lull.repl.Terminal
---@field read_some fun(self, max: integer): string?   what has been typed; nil at the end (suspends)
---@field write fun(self, text: string)                may suspend, unless `direct`
---@field size fun(self): integer?, integer?           columns and rows; nil: unknown
---@field wait_resize fun(self): integer?, integer?, string?  suspends until the size may have
---  changed: columns, rows; nil: that cannot be told
---@field dumb? boolean     it takes no escape sequences: lines are read as they come
---@field color? boolean
---@field silent? boolean   a dumb one where nobody sees a prompt
---@field direct? boolean   `write` never suspends
---@field raw? fun(self, on: boolean): boolean    while a line is read; false: it cannot be, and is taken as dumb
---@field stop? fun(self, everybody: boolean): boolean  what Ctrl-Z does; missing: nothing
---@field is_waiting? fun(self): boolean          has more been typed that was not read?

---@class lull.repl.EditOptions
---@field terminal lull.repl.Terminal
---@field history? { count: fun(self): integer, get: fun(self, index: integer): string }  the newest last
---@field complete? fun(text: string, position: integer): integer?, { text: string, note: string? }[]?, string?
---  the byte from which candidates replace what is before the cursor; candidates; and, where they are not
---  all, what all begin with: Tab inserts no more
---@field highlight? fun(text: string): { [1]: integer, [2]: integer, [3]: string }[]  first and last byte and style, in order
---@field is_complete? fun(text: string): boolean  what Enter asks; default: always
---@field indent? boolean         lines begin as far in as Lua code would; default true
---@field max_text? integer       bytes of a text; default 262144
---@field max_paste? integer      bytes that are taken of a paste; default `max_text`
---@field escape_timeout? number  seconds until an escape is the key Esc; default 0.1

local KINDS <const> = { terminal = true, history = true, complete = "callable",
  highlight = "callable", is_complete = "callable", indent = "boolean", max_text = "count",
  max_paste = "count", escape_timeout = "seconds" }

--- Make an editor.
---@param opts lull.repl.EditOptions
---@return lull.repl.Editor
function edit.new(opts)
  check.type(opts, 1, "new", "table")
  check.options(opts, 1, "new", KINDS)
  if not opts.terminal then check.fail(1, "new", "field 'terminal' expected") end
  return editor.new(opts)
end

--- The terminal of the process: standard input and output.  Where standard input is none, it is
--- read as it is, silently; where output is none, or TERM is "dumb", it is dumb.
---@return lull.repl.Terminal
function edit.tty()
  return require "lull.repl.edit.tty" ()
end

return edit
