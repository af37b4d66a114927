--- lull.repl.print: showing what a line came to.
local cells = require "lull.term.cells"
local color = require "lull.term.color"
local inspect = require "lull.repl.inspect"

local print = {}

local error <const>, pcall <const>, rawget <const>, select <const> = error, pcall, rawget, select
local setmetatable <const>, tostring <const>, type <const> = setmetatable, tostring, type
local concat <const>, getmetatable <const>, min <const> = table.concat, debug.getmetatable, math.min
local stdout <const>, stderr <const> = io.stdout, io.stderr
local MAX_WIDTH <const> = 200 -- columns that values are laid out for, however wide the terminal

--- What gives a text a style, as far as a terminal has it.
---@param terminal lull.repl.Terminal
---@return fun(text: string, style: string): string
function print.painter(terminal)
  return function(text, style)
    if not terminal.color then return text end
    for name in style:gmatch "%S+" do
      local pair <const> = color.styles[name]
      if pair then
        text = color.wrap(text, pair[1], pair[2])
      else
        text = color.wrap(text, color.parameters(name, 16, false), "39")
      end
    end
    return text
  end
end

--- Values as texts: several that are short in one line, else a line each.
local function laid_out(session, ...)
  local texts <const>, columns <const> = {}, (session.terminal:size())
  local width <const> = min(columns or 80, MAX_WIDTH)
  local is_short, total = true, 0
  for i = 1, select("#", ...) do
    texts[i] = inspect.text((select(i, ...)), { width = width, paint = session.paint })
    total = total + cells.width(texts[i]) + 8
    is_short = is_short and not texts[i]:find("\n", 1, true)
  end
  return concat(texts, is_short and total <= width and "\t" or "\n")
end

--- Show the results of a line, all of them: where nobody looks as the global `print` does.
---@param session lull.repl.Session
---@param ... any
function print.results(session, ...)
  if select("#", ...) == 0 then return end
  if session.terminal.silent then return session:print(...) end
  session:write(laid_out(session, ...) .. "\n")
end

--- Write what has been printed so far.
function print.flush()
  pcall(stdout.flush, stdout) -- the script may have closed it
end

--- Write a line beside the results.
---@param session lull.repl.Session
---@param text string
function print.note(session, text)
  if session.terminal.silent and session.is_own then
    print.flush()
    pcall(stderr.write, stderr, text, "\n")
  else
    session:write(text .. "\n")
  end
end

local function has_text(err)
  local meta <const> = getmetatable(err) -- the real one: those of lull are locked
  return type(err) == "string" or type(err) == "number" or meta and rawget(meta, "__tostring")
end

--- An error value as one text, as the prompt of Lua shows it.
---@param err any
---@return string
function print.message_of(err)
  if not has_text(err) then return ("(error object is a %s value)"):format(type(err)) end
  if type(err) == "string" or type(err) == "number" then return tostring(err) end
  local ok <const>, text <const> = pcall(tostring, err)
  if ok then return text end
  local reason <const> = inspect.reason(text)
  return "(error object that cannot be shown" .. (reason and ": " .. reason or "") .. ")"
end

--- The traceback down to the line: below it are frames of the prompt, and its own task.
local function traceback_of(task)
  local kept <const> = {}
  local own <const> = "\t[task] " .. task.name
  for line in (task:traceback() or ""):gmatch "[^\n]+" do
    if line:sub(1, #own) == own and line:find("^[, ]", #own + 1) then break end
    if line:find("^\t%[lull%.repl") then
      kept[#kept] = kept[#kept]:gsub("in %a+ 'fn'$", "in main chunk")
      break
    end
    kept[#kept + 1] = line
  end
  return #kept > 1 and "\n" .. concat(kept, "\n") or ""
end

--- What is raised to be shown as it is, without where it came from.
local Refusal <const> = { __tostring = function(self) return self.message end }

--- Raise a text that says what is wrong with a command.
---@param message string
---@param ... any  for `format`
function print.refuse(message, ...)
  error(setmetatable({ message = message:format(...) }, Refusal), 0)
end

--- Show an error and where it came from.
---@param session lull.repl.Session
---@param message string
---@param traceback string  begins with a newline; or ""
function print.error(session, message, traceback)
  local lines <const> = {}
  for line in traceback:gmatch "[^\n]+" do
    local is_ours <const> = line:find "^\t%[C%]" or line:find "^\t%[lull" or line:find "^%S"
    lines[#lines + 1] = "\n" .. (is_ours and session.paint(line, "dim") or line)
  end
  print.note(session, session.paint(cells.clean(message, true), "red") .. concat(lines))
end

--- Show why a line's task has failed; at a terminal an error value that is no text is shown as a
--- result is.
---@param session lull.repl.Session
---@param task lull.Task
function print.failure(session, task)
  local err <const> = task:error()
  local message <const> = print.message_of(err)
  local traceback <const> = getmetatable(err) == Refusal and "" or traceback_of(task)
  if session.terminal.silent then return print.note(session, message .. traceback) end
  print.error(session, message, traceback)
  if not has_text(err) then session:write(laid_out(session, err) .. "\n") end
end

return print
