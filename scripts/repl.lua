--- lull.repl: a prompt where every line is a task.
--
-- The program's is `lull repl`; a host or a script has one of its own by `repl.start`.
local check = require "lull.check"
local lull = require "lull"
local sessions = require "lull.repl.session"

local globals <const> = _G
local pairs <const>, type <const>, exit <const> = pairs, type, os.exit

local repl = {}

local KINDS <const> = { globals = "table", terminal = "any", greeting = "string", prompt = "any",
  prompt2 = "any", history = "string", on_start = "callable" }

---@class lull.repl.Options
---@field globals? table           where lines run; default: _G
---@field terminal? lull.repl.Terminal  default: the process's own
---@field greeting? string         a line before the first prompt
---@field prompt? string|fun(): string   default "> "; a global _PROMPT goes before it
---@field prompt2? string|fun(): string  before lines that follow; default: dots; likewise _PROMPT2
---@field history? string          path of a file that keeps what is typed; default: none does
---@field on_start? async fun(session: lull.repl.Session)  before the first prompt

--- Talk with whoever is at a terminal, until the input ends or `.exit` is typed.  Every line is a
--- task; what lines have started in the background is cancelled and joined at the end.
---@async
---@param opts? lull.repl.Options   raises kinds busy, io
function repl.start(opts)
  check.type(opts, 1, "start", "table", true)
  check.options(opts, 1, "start", KINDS)
  sessions.new(opts or {}):run()
end

--- Has the program shown its version, as it does for -i and -v?
local function was_greeted()
  for _, argument in pairs(type(arg) == "table" and arg or {}) do
    if argument == "-i" or argument == "-v" then return true end
  end
  return false
end

--- A file of the user's: what a variable names, or one in the folder for such files; nil: none.
local function file_of(variable, folder_variable, folder, name)
  local path <const> = os.getenv(variable)
  if path then return path ~= "" and path or nil end
  local base, home <const> = os.getenv(folder_variable), os.getenv "HOME"
  if not base or base:sub(1, 1) ~= "/" then base = home and home ~= "" and home .. folder end
  return base and base .. name or nil
end

--- Run the file that the user wants to be run first.
---@async
local function start_up(session)
  if session.terminal.silent or debug.getregistry().LUA_NOENV then return end
  local path <const> = file_of("LULL_REPL", "XDG_CONFIG_HOME", "/.config", "/lull/repl.lua")
  local is_wanted <const> = os.getenv "LULL_REPL"
  if path and (is_wanted or require("lull.fs").exists(path)) then
    session:attempt(function() require("lull.repl.commands").run(session, "load", path) end)
  end
end

--- The prompt of the program.  Ends it, when stdin ends, with status 0; what lines have
--- started in the background is cancelled then, and joined.
---@async
function repl.main()
  if globals.lull == nil then globals.lull = lull end
  io.stdout:setvbuf "line" -- what runs in the background shows at once
  local greeting <const> = not was_greeted()
    and ("lull %s (%s)  .help shows what there is"):format(lull.version, _VERSION) or nil
  local history <const> = require("lull.repl.history").default_path()
  lull.shield(function()
    repl.start { greeting = greeting, history = history, on_start = start_up }
    lull.yield() -- reports of what failed last
  end)
  exit(0)
end

return repl
