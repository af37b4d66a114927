--- lull.repl.outlet: what others print while a line is edited appears above it.
--
-- As long as the process's own terminal has a session, `print`, `io.write`, `warn` and the `write`
-- of files are stood in for, and errors that nobody received come here.  While nothing is edited
-- all of these do what they do without us.  What C code writes by itself is not seen.
local color = require "lull.term.color"
local lull = require "lull"
local printing = require "lull.repl.print"

local outlet = {}

local concat <const>, pack <const>, tostring <const>, type <const> = table.concat, table.pack, tostring, type
local ipairs <const>, rawget <const>, rawset <const> = ipairs, rawget, rawset
local io <const>, setmetatable <const> = io, setmetatable
local globals <const>, stdout <const>, stderr <const> = _G, io.stdout, io.stderr
local methods <const> = debug.getmetatable(stdout).__index

--- Values of `write` as one text; nil: one of them cannot be written.
local function joined(...)
  local values <const> = pack(...)
  for i = 1, values.n do
    local kind <const> = type(values[i])
    if kind ~= "string" and kind ~= "number" then return nil end
  end
  return concat(values)
end

--- Stand in for what prints.
local function stand_in(session, old)
  local has_stderr <const> = color.is_terminal(2)

  --- Is a file shown on the terminal, and a line edited there?
  local function is_above(file)
    return session.editor.view ~= nil and (file == stdout or has_stderr and file == stderr)
  end

  local function show(text)
    if text ~= "" then session.editor:print_above(text) end
  end

  local new <const> = {}

  function new.print(...)
    if not is_above(stdout) then return old.print(...) end
    local values <const> = pack(...)
    for i = 1, values.n do values[i] = tostring(values[i]) end
    show(concat(values, "\t") .. "\n")
  end

  function new.write_file(file, ...)
    local text <const> = is_above(file) and joined(...)
    if not text then return old.write_file(file, ...) end
    show(text)
    return file
  end

  function new.write(...)
    local file <const> = is_above(stdout) and io.output()
    local text <const> = file and is_above(file) and joined(...)
    if not text then return old.write(...) end
    show(text)
    return file
  end

  function new.warn(...)
    if not is_above(stderr) then return old.warn(...) end
    session.editor:step_aside(old.warn, ...)
  end

  return new
end

---@class lull.repl.Outlet
---@field old table
---@field new table
---@field on_error fun(err: any, task: lull.Task?, traceback: string?)
local Outlet <const> = {}
Outlet.__index = Outlet

--- Give everything back, but for what somebody else has replaced since.
function Outlet:__close()
  local old <const>, new <const> = self.old, self.new
  for _, name in ipairs { "print", "warn" } do
    if rawget(globals, name) == new[name] then rawset(globals, name, old[name]) end
  end
  if io.write == new.write then io.write = old.write end -- luacheck: ignore 122
  if methods.write == new.write_file then methods.write = old.write_file end
  local handler <const> = lull.on_error(self.before)
  if handler ~= self.on_error then lull.on_error(handler) end
end

--- Stand in for all that prints, until the value is closed.
---@param session lull.repl.Session
---@return lull.repl.Outlet
function outlet.open(session)
  local old <const> = { print = rawget(globals, "print"), warn = rawget(globals, "warn"),
    write = io.write, write_file = methods.write }
  local new <const> = stand_in(session, old)
  local function on_error(err, task, traceback)
    -- a `__tostring` of a script's may never return, and Ctrl-C has no task here to stop
    local is_plain <const> = type(err) == "string" or type(err) == "number" or lull.is_error(err)
    local message <const> = is_plain and tostring(err) or ("(error object is a %s value)"):format(type(err))
    local name <const> = task and task.name
    printing.error(session, "lull: error nobody received: " .. message
      .. (name and (" (in task %s)"):format(name) or ""), traceback and "\n" .. traceback or "")
  end
  rawset(globals, "print", new.print)
  rawset(globals, "warn", new.warn)
  io.write, methods.write = new.write, new.write_file -- luacheck: ignore 122
  local before <const> = lull.on_error(on_error)
  if before then lull.on_error(before) end -- somebody receives them already
  return setmetatable({ old = old, new = new, on_error = on_error, before = before }, Outlet)
end

return outlet
