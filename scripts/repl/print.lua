--- lull.repl.print: showing what a line came to.
local print = {}

local globals <const> = _G
local pcall <const>, rawget <const>, select <const> = pcall, rawget, select
local tostring <const>, type <const> = tostring, type
local concat <const>, getmetatable <const> = table.concat, debug.getmetatable
local stdout <const>, stderr <const> = io.stdout, io.stderr

--- Show the results of a line, all of them, as the global `print` shows values.
---@param ... any
function print.results(...)
  if select("#", ...) > 0 then globals.print(...) end
end

--- Write what has been printed so far.
function print.flush()
  pcall(stdout.flush, stdout) -- the script may have closed it
end

--- End the line that the terminal's cursor is in.
function print.newline()
  pcall(stdout.write, stdout, "\n")
end

--- Write a line beside the results.
---@param text string
function print.note(text)
  print.flush()
  pcall(stderr.write, stderr, text, "\n")
end

--- An error value as one text, as the prompt of Lua shows it.
local function message_of(err)
  local meta <const> = getmetatable(err) -- the real one: those of lull are locked
  local has_text <const> = type(err) == "string" or type(err) == "number"
    or meta and rawget(meta, "__tostring")
  return has_text and tostring(err) or ("(error object is a %s value)"):format(type(err))
end

--- The traceback down to the line: below it are frames of the prompt, and its own task.
local function traceback_of(task)
  local kept <const> = {}
  local own <const> = "\t[task] " .. task.name .. ","
  for line in (task:traceback() or ""):gmatch "[^\n]+" do
    if line:sub(1, #own) == own then break end
    if line:find("^\t%[lull%.repl") then
      kept[#kept] = kept[#kept]:gsub("in %a+ 'fn'$", "in main chunk")
      break
    end
    kept[#kept + 1] = line
  end
  return #kept > 1 and "\n" .. concat(kept, "\n") or ""
end

--- Show why a line's task has failed.
---@param task lull.Task
function print.failure(task)
  print.note(message_of(task:error()) .. traceback_of(task))
end

return print
