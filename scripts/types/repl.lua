---@meta lull.repl
--
-- Definitions for editors: the prompt, as a library.

---@class lull.repl
local repl = {}

--- What a prompt talks to, in place of the process's own terminal.  `read_some` ends with nil;
--- `write` may suspend; `size` gives columns and rows, or nothing; `wait_resize` suspends until
--- these have changed, or returns nil where that cannot be told.
---@class lull.repl.Terminal
---@field read_some async fun(self: lull.repl.Terminal, max: integer): string?
---@field write async fun(self: lull.repl.Terminal, text: string)
---@field size fun(self: lull.repl.Terminal): integer?, integer?
---@field wait_resize async fun(self: lull.repl.Terminal): integer?, integer?
---@field dumb? boolean    it takes no escape sequences: lines are read as they come
---@field color? boolean
---@field silent? boolean  a dumb one where nobody sees a prompt

---@class lull.repl.Options
---@field globals? table     where lines run; _G
---@field terminal? lull.repl.Terminal  the process's own
---@field greeting? string   a line before the first prompt
---@field prompt? string|fun(): string   "> "; a global `_PROMPT` goes before it
---@field prompt2? string|fun(): string  before the lines that follow; dots; likewise `_PROMPT2`
---@field history? string    path of a file that keeps what is typed; none does
---@field on_start? async fun()  runs before the first prompt

--- Talk with whoever is at a terminal, until the input ends or `.exit` is typed.  Every line is a
--- task, its locals stay, results are shown; Ctrl-C cancels the line that runs.  At the end what
--- lines have started in the background is cancelled and joined.  Where it is the process's
--- terminal, what others print meanwhile appears above the line that is typed.  Raises `busy` when
--- that terminal has a prompt already; `io`.
---@async
---@param opts? lull.repl.Options
function repl.start(opts) end

---@class lull.repl.ListenOptions
---@field globals? table          where lines run; _G
---@field greeting? string
---@field prompt? string|fun(): string
---@field prompt2? string|fun(): string
---@field history? string         path of a file that keeps what is typed; none does
---@field max_clients? integer    at the same time, others wait; 16

--- Listen for prompts at a Unix socket: `lull repl --connect PATH`.  Only this user and root are
--- let in; they may do all that the program may, so this takes every permission.  Each client has
--- locals and a `print` of its own; the globals, `io` and errors that nobody received are the
--- program's.  A client that goes away cancels what its line runs and what its lines have started.
--- A line that computes holds up the program, as all that computes does, and is not interrupted
--- meanwhile, unless the runtime has time slices.  The server is owned by the current scope.
--- Raises `io`, `permission`, `limit`.
---@param path string
---@param opts? lull.repl.ListenOptions
---@return lull.net.Server
function repl.listen(path, opts) end

--- Be a client of such a prompt, at the process's own terminal, until the prompt there ends.  Raises
--- `io`, also when the program is gone before that.
---@async
---@param path string
function repl.connect(path) end

--- The prompt of the program: `lull repl`.  Ends the program with 0 at the end of its input.
---@async
---@param ... string  the arguments of `lull repl`
function repl.main(...) end

return repl
