--- lull.repl: a prompt where every line is a task.
--
-- The program's is `lull repl`; a host or a script has one of its own by `repl.start`.
local check = require "lull.check"
local lull = require "lull"
local sessions = require "lull.repl.session"

local globals <const> = _G
local pairs <const>, rawget <const>, rawset <const> = pairs, rawget, rawset
local error <const>, pcall <const>, require <const> = error, pcall, require
local tostring <const>, type <const> = tostring, type
local debug <const>, io <const>, exit <const>, getenv <const> = debug, io, os.exit, os.getenv

local repl = {}

local KINDS <const> = { globals = "table", terminal = "any", greeting = "string", prompt = "any",
  prompt2 = "any", history = "string", on_start = "callable" }

local LISTEN_KINDS <const> = { globals = "table", greeting = "string", prompt = "any", prompt2 = "any",
  history = "string", max_clients = "count" }

---@class lull.repl.Options
---@field globals? table           where lines run; default: _G
---@field terminal? lull.repl.Terminal  default: the process's own
---@field greeting? string         a line before the first prompt
---@field prompt? string|fun(): string   default "> "; a global _PROMPT goes before it
---@field prompt2? string|fun(): string  before lines that follow; default: dots; likewise _PROMPT2
---@field history? string          path of a file that keeps what is typed; default: none does
---@field on_start? async fun(session: lull.repl.Session)  before the first prompt

---@class lull.repl.ListenOptions   the same as above, and
---@field globals? table
---@field greeting? string
---@field prompt? string|fun(): string
---@field prompt2? string|fun(): string
---@field history? string
---@field max_clients? integer     at the same time, others wait; 16

--- Talk with whoever is at a terminal, until the input ends or `.exit` is typed.  Every line is a
--- task; what lines have started in the background is cancelled and joined at the end.
---@async
---@param opts? lull.repl.Options   raises kinds busy, io
function repl.start(opts)
  check.type(opts, 1, "start", "table", true)
  check.options(opts, 1, "start", KINDS)
  sessions.new(opts or {}):run()
end

--- Listen for prompts at a Unix socket: `lull repl --connect PATH`.  Only this user and root are
--- let in; they may do all that the program may, so this takes every permission.  Each client has
--- locals and a `print` of its own; the globals, `io` and errors that nobody received are the
--- program's.  A client that goes away cancels what its line runs and what its lines have started.
--- A line that computes holds up the program, as all that computes does, and is not interrupted
--- meanwhile, unless the runtime has time slices.
---@param path string
---@param opts? lull.repl.ListenOptions
---@return lull.net.Server   owned by the current scope; raises kinds io, permission, limit
function repl.listen(path, opts)
  check.type(path, 1, "listen", "string")
  check.options(opts, 2, "listen", LISTEN_KINDS)
  return require("lull.repl.remote").listen(path, opts or {})
end

--- Be a client of such a prompt, at the process's own terminal, until the prompt there ends.
---@async
---@param path string   raises kind io, also when the program is gone before that
function repl.connect(path)
  check.type(path, 1, "connect", "string")
  require "lull.repl.client"(path)
end

local USAGE <const> = [[
usage: lull [options] repl [--connect=PATH]

The prompt, where every line is a task.  .help there lists its commands.

  --connect=PATH  a prompt in a running program, which called lull.repl.listen(PATH)
  --help          show this text and end

LULL_REPL names a script that runs first (~/.config/lull/repl.lua), LULL_HISTORY the
file that keeps what was typed (~/.local/state/lull/history); empty: none.
]]

local NAMES <const> = { ["--connect"] = true, ["--help"] = true }

--- Do what the arguments of `lull repl` ask for, if that is not to go on here.
---@async
local function take_arguments(first, second)
  if first == nil then return end
  if first == "--help" then
    io.write(USAGE)
    exit(0)
  end
  local path <const> = first == "--connect" and second or first:match "^%-%-connect=(.+)$"
  local ok <const>, err <const> = pcall(function()
    if not path or path == "" then
      if first:find "^%-%-connect=?$" then error(first .. " needs a path", 0) end
      if first:find "^%-" then error(require "lull.program.unknown"("lull repl", first, NAMES), 0) end
      error(("unknown argument '%s'\n%s"):format(first, USAGE:match "[^\n]+"), 0)
    end
    repl.connect(path)
  end)
  if not ok then io.stderr:write("lull repl: ", tostring(err), "\n") end
  exit(ok and 0 or 1)
end

--- Has the program shown its version, as it does for -i and -v?
local function was_greeted()
  local arguments <const> = rawget(globals, "arg")
  for _, argument in pairs(type(arguments) == "table" and arguments or {}) do
    if argument == "-i" or argument == "-v" then return true end
  end
  return false
end

--- A file of the user's: what a variable names, or one in the folder for such files; nil: none.
local function file_of(variable, folder_variable, folder, name)
  local path <const> = getenv(variable)
  if path then return path ~= "" and path or nil end
  local base, home <const> = getenv(folder_variable), getenv "HOME"
  if not base or base:sub(1, 1) ~= "/" then base = home and home ~= "" and home .. folder end
  return base and base .. name or nil
end

--- Run the file that the user wants to be run first.
---@async
local function start_up(session)
  if session.terminal.silent or debug.getregistry().LUA_NOENV then return end
  local path <const> = file_of("LULL_REPL", "XDG_CONFIG_HOME", "/.config", "/lull/repl.lua")
  local is_wanted <const> = getenv "LULL_REPL"
  if path and (is_wanted or require("lull.fs").exists(path)) then
    session:attempt(function() require("lull.repl.commands").run(session, "load", path) end)
  end
end

--- The prompt of the program.  Ends it, with status 0 when stdin ends, 143 for SIGTERM, 129 for
--- SIGHUP, and 1 when it cannot go on; what lines have started in the background is cancelled then, and joined.
---@async
---@param ... string  arguments of `lull repl`
function repl.main(...)
  take_arguments(...)
  if rawget(globals, "lull") == nil then rawset(globals, "lull", lull) end
  io.stdout:setvbuf "line" -- what runs in the background shows at once
  local greeting <const> = not was_greeted()
    and ("lull %s (%s)  .help shows what there is"):format(lull.version, _VERSION) or nil
  local history <const> = require("lull.repl.history").default_path()
  local is_well
  lull.shield(function()
    is_well = sessions.new({ greeting = greeting, history = history, on_start = start_up }):run()
    lull.yield() -- reports of what failed last
  end)
  exit(sessions.end_turn() or is_well and 0 or 1)
end

return repl
