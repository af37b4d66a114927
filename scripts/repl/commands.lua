--- lull.repl.commands: what begins with a dot at the prompt.
local chunk = require "lull.repl.chunk"
local lull = require "lull"
local fail <const> = require("lull.repl.print").refuse

local commands = {}

-- The prompt goes on whatever a line does to the globals.
local error <const>, ipairs <const>, pcall <const>, rawget <const> = error, ipairs, pcall, rawget
local require <const>, setmetatable <const>, tonumber <const> = require, setmetatable, tonumber
local tostring <const>, type <const>, math <const>, os <const> = tostring, type, math, os
local concat <const>, pack <const> = table.concat, table.pack
local is_error <const>, now <const>, tree_text <const> = lull.is_error, lull.now, lull.tree
local getinfo <const>, getmetatable <const> = debug.getinfo, debug.getmetatable

---@class lull.repl.Command
---@field name string
---@field usage string
---@field about string
---@field run async fun(session: lull.repl.Session, argument: string)

--- The argument as an expression, or statements, compiled.
local function compiled(session, text)
  local fn <const> = session:compile(text)
  if fn then return fn end
  local _, message <const> = session:compile("return " .. text)
  return fail("%s", message)
end

local function path_of(argument)
  local home <const> = argument:match "^~/" and os.getenv "HOME"
  return home and home .. argument:sub(2) or argument
end

-- ---- tasks ----

--- Tasks of the prompt itself, which `.tasks` leaves out.
local OURS <const> = { repl = true, session = true, turn = true, line = true, main = true }

--- The lines of the tree without its first `count`, that are above the session.
local function tasks(session)
  local lines <const>, hidden = {}, nil
  for line in tree_text():gmatch "[^\n]+" do
    local blanks <const>, name <const> = line:match "^( *)(%S+)"
    if hidden and #blanks <= hidden then hidden = nil end
    if name == "turn" then hidden = #blanks end
    if not hidden and not OURS[name] then lines[#lines + 1] = line end
  end
  if #lines == 0 then return session:write "nothing runs in the background\n" end
  local margin = math.huge
  for _, line in ipairs(lines) do margin = math.min(margin, #line:match "^ *") end
  for i, line in ipairs(lines) do lines[i] = line:sub(margin + 1) end
  session:write(concat(lines, "\n") .. "\n")
end

local function tree(session)
  session:write(tree_text():gsub("\n*$", "\n"), nil)
end

-- ---- values ----

--- The name of a value's type, as exact as it can be told.
local function type_of(value)
  local kind <const> = math.type(value) or type(value)
  if kind == "string" then return ("string of %d bytes"):format(#value) end
  if kind ~= "table" and kind ~= "userdata" then return kind end
  local ok <const>, entry <const> = pcall(function() return require("lull.doc").find(value) end)
  local meta <const> = getmetatable(value)
  local name <const> = ok and entry and entry.name or meta and rawget(meta, "__name")
  return type(name) == "string" and ("%s (%s)"):format(kind, name) or kind
end

local function show_type(session, argument)
  local results <const> = pack(compiled(session, argument)())
  for i = 1, results.n do results[i] = type_of(results[i]) end
  session:write((results.n > 0 and concat(results, "\t") or "no value") .. "\n")
end

local function time(session, argument)
  local fn <const> = compiled(session, argument)
  local begin <const>, clock <const> = now(), os.clock()
  local _ <close> = setmetatable({}, { __close = function()
    local wall <const>, cpu <const> = now() - begin, os.clock() - clock
    session:write(("%.3f s: %.3f s computing, %.3f s waiting\n"):format(wall, cpu, math.max(wall - cpu, 0)))
  end })
  session:evaluate(fn)
end

--- lull.doc, with the reference that it reads.
local function reference()
  local ok <const>, err <const> = pcall(require, "lull.doc.native")
  if not ok and tostring(err):find(" is not installed ", 1, true) then
    fail "the reference (lull.doc) is not installed"
  end
  return require "lull.doc"
end

--- The comment above a function in its file; nil: there is none.
local function comment_of(fn)
  local about <const> = getinfo(fn, "S")
  local path <const> = about.source:match "^@(.*)"
  local ok <const>, text <const> = pcall(function() return require("lull.fs").read_file(path) end)
  if not path or not ok then return nil end
  local number, block = 0, {}
  for line in (text .. "\n"):gmatch "(.-)\n" do
    number = number + 1
    if number == about.linedefined then break end
    local comment <const> = line:match "^%s*%-%-%-* ?(.*)"
    if comment then block[#block + 1] = comment else block = {} end
  end
  return #block > 0 and concat(block, "\n") or nil
end

--- What there is to say of a value; nil: nothing.
local function about_value(value, opts)
  local doc <const> = reference()
  local entry <const> = type(value) ~= "string" and doc.find(value)
  if entry then return doc.render(entry, opts) end
  if type(value) ~= "function" then return nil end
  local about <const> = getinfo(value, "S")
  if about.what == "C" or about.short_src:find "^%[lull" then return nil end
  local comment <const> = comment_of(value)
  return ("function at %s:%d\n"):format(about.short_src, about.linedefined)
    .. (comment and "\n" .. comment .. "\n" or "")
end

--- What the reference says of a name; nil: nothing.
local function about_name(name, opts)
  local doc <const> = reference()
  local entries <const> = doc.matches(name)
  if #entries == 1 then return doc.render(entries[1], opts) end
  local lines <const> = {}
  for i, entry in ipairs(entries) do lines[i] = entry.signature .. "\n" end
  return #lines > 0 and concat(lines) or nil
end

local function show_doc(session, argument)
  local fn <const> = session:compile(argument)
  local is_evaluated <const>, value = pcall(fn or error)
  if not is_evaluated then value = nil end
  local opts <const> = { width = math.min(session.terminal:size() or 80, 100), color = session.terminal.color }
  local text <const> = value ~= nil and about_value(value, opts) or about_name(argument, opts)
  if text then return session:write(text) end
  local near <const> = reference().suggest(argument)
  if #near > 0 then fail("nothing is known of '%s'; did you mean %s?", argument, concat(near, ", ")) end
  if value ~= nil then fail("nothing is known of this %s", type(value)) end
  fail("nothing is known of '%s'", argument)
end

-- ---- files ----

--- Call a function of lull.fs; what the system refuses is said without a traceback.
local function attempt(fn, ...)
  local ok <const>, result <const> = pcall(fn, ...)
  if not ok then
    if is_error(result, "io") then fail("%s", tostring(result)) end
    error(result, 0)
  end
  return result
end

local function load_file(session, argument)
  local path <const> = path_of(argument)
  local fn <const>, message <const> = session:compile_file(path, attempt(require("lull.fs").read_file, path))
  if not fn then fail("%s", message) end
  fn()
end

--- What was typed, as a script that does and prints the same.
local function as_script(kept)
  local lines <const> = {}
  for i, text in ipairs(kept) do
    text = text:gsub("^%s*=", "", 1)
    local is_expression <const> = text:find "%S" and chunk.is_expression(text)
    lines[i] = is_expression and ("print(%s%s)\n"):format(text, text:find("--", 1, true) and "\n" or "")
      or text .. "\n"
  end
  return concat(lines), #lines
end

local function save(session, argument)
  local fs <const> = require "lull.fs"
  local path <const> = path_of(argument)
  if attempt(fs.exists, path) and path ~= session.saved then fail("%s is there already", path) end
  local text <const>, count <const> = as_script(session.kept)
  attempt(fs.write_file, path, text, { atomic = true })
  session.saved = path
  session:write(("%d texts in %s\n"):format(count, path))
end

-- ---- the conversation ----

local function show_history(session, argument)
  local history <const> = session.history
  if not history then fail "there is no history" end
  local wanted <const> = argument == "" and 20 or math.tointeger(tonumber(argument))
  if not wanted or wanted < 1 then fail("how many? a whole number from 1 on, not '%s'", argument) end
  local count <const>, lines <const> = history:count(), {}
  for i = math.max(1, count - wanted + 1), count do
    lines[#lines + 1] = ("%5d  %s\n"):format(i, (history:get(i):gsub("\n", "\n       ")))
  end
  session:write(concat(lines))
end

local function clear(session)
  if not session.terminal.dumb then session:write "\27[H\27[2J" end
end

local function exit(session)
  session.has_ended = true
end

local list <const> = {} ---@type lull.repl.Command[]

local function help(session)
  for _, command in ipairs(list) do
    local head <const> = (".%s %s"):format(command.name, command.usage)
    session:write(("%-18s %s\n"):format(head, command.about))
  end
  session:write [[

Everything else is Lua.  A line may wait; what it starts with lull.spawn goes on behind.
_ is the last result, _1 to _9 are the results of the last line that had some.
Tab completes, Ctrl-R searches what was typed, Alt-Enter begins another line,
Ctrl-C clears the text or stops the line that runs, Ctrl-D ends.
]]
end

for _, row in ipairs {
  { "help", "", "what there is", help },
  { "tasks", "", "what runs in the background, and what it waits for", tasks },
  { "tree", "", "all tasks, those of the prompt too", tree },
  { "load", "PATH", "run a file; its locals stay", load_file },
  { "save", "PATH", "write what was typed and ran as a script", save },
  { "time", "EXPR", "how long it takes, computing and waiting", time },
  { "type", "EXPR", "what kind of value it is", show_type },
  { "doc", "NAME|EXPR", "what the reference says about it", show_doc },
  { "history", "[N]", "the last texts; 20 of them", show_history },
  { "clear", "", "clear the screen", clear },
  { "exit", "", "end the session", exit },
} do
  list[#list + 1] = { name = row[1], usage = row[2], about = row[3], run = row[4] }
end

local names <const> = {} ---@type string[]

--- The commands as they are typed.
commands.dotted = {} ---@type string[]
for i, command in ipairs(list) do names[i], commands.dotted[i] = command.name, "." .. command.name end

--- Run a command.  Raises a text that says what is wrong with it.
---@async
---@param session lull.repl.Session
---@param name string
---@param argument string
function commands.run(session, name, argument)
  for _, command in ipairs(list) do
    if command.name == name then
      local wants <const> = command.usage ~= "" and not command.usage:find "^%["
      if wants and argument == "" then fail("usage: .%s %s", name, command.usage) end
      if command.usage == "" and argument ~= "" then fail("usage: .%s", name) end
      return command.run(session, argument)
    end
  end
  local near <const> = require "lull.doc.near"(name, names)
  fail("there is no command .%s%s", name,
    #near > 0 and ("; did you mean ." .. near[1] .. "?") or "; .help shows those that there are")
end

return commands
