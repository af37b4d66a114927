--- lull.bundle.command: `lull bundle`, one program out of a script and its modules.
local unknown = require "lull.program.unknown"

local bundle = {}

local USAGE <const> = [[
usage: lull bundle [options] script.lua -o program
       lull bundle --list program

Make one program of lull, a script and the modules it requires.  Those that it names in
constant calls of require are found through package.path, and theirs in turn.  The
program's whole command line is the script's.

  -o, --output=PROGRAM   where to put it
  --include=MODULE   a module besides those that are found
  --exclude=MODULE   a module to leave out ("x.*": all below x); it is looked for when
                     the program runs
  --file=PATH        a file that the script reads: require "lull.bundle".read "PATH"
  --path=TEMPLATES   look for modules here first: 'src/?.lua;src/?/init.lua'
  --ignore-missing   leave out modules that are not found
  --bytecode         compiled code
  --strip            the same without names and lines for error messages
  --list             say what is in a program
  -h, --help         show this text

C modules, also those of lull's that need a library (TLS, curl, compression), are not put
in: the program loads them from where they are, lull's own from where this lull is.
]]

local KINDS <const> = {
  ["-o"] = "text", ["--output"] = "text", ["--include"] = "list", ["--exclude"] = "list",
  ["--file"] = "list", ["--path"] = "text", ["--ignore-missing"] = "flag", ["--bytecode"] = "flag",
  ["--strip"] = "flag", ["--list"] = "flag", ["--help"] = "flag", ["-h"] = "flag",
}
local NAMES <const> = { ["-o"] = "output", ["-h"] = "help" }

--- Read a command line.
---@param ... string
---@return table? options  nil: it is wrong
---@return string? why
function bundle.parse(...)
  local given <const>, options <const>, i = { ... }, {}, 1
  while given[i] do
    local argument <const> = given[i]
    local name <const>, equals <const>, text <const> = argument:match "^(%-[^=]*)(=?)(.*)$"
    if not name then
      if options.script then return nil, "one script only" end
      options.script = argument
    else
      local kind <const> = KINDS[name]
      local key <const> = NAMES[name] or name:gsub("^%-+", ""):gsub("%-", "_")
      if not kind then return nil, unknown("lull bundle", argument, KINDS) end
      if kind == "flag" then
        if equals ~= "" then return nil, name .. " takes no value" end
        options[key] = true
      else
        local value <const> = equals ~= "" and text or given[i + 1]
        if not value or value == "" then return nil, name .. " needs a value" end
        if equals == "" then i = i + 1 end
        if kind == "text" then
          options[key] = value
        else
          options[key] = options[key] or {}
          table.insert(options[key], value)
        end
      end
    end
    i = i + 1
  end
  if options.help then return options end
  if not options.script then return nil, options.list and "which program?" or "which script?" end
  if not options.list and not options.output then return nil, "where to put it?  -o PROGRAM" end
  return options
end

--- The program that runs, and the folder where its shared objects are looked for.
local function self_image()
  local fs <const> = require "lull.fs"
  local ok <const>, path <const> = pcall(fs.readlink, "/proc/self/exe")
  if not ok then error("only where there is /proc/self/exe", 0) end
  return fs.read_file "/proc/self/exe", path:match "^(.*)/" or "/"
end

local function size_text(bytes)
  if bytes < 10240 then return bytes .. " bytes" end
  return bytes < 10485760 and ("%.0f KiB"):format(bytes / 1024) or ("%.1f MiB"):format(bytes / 1048576)
end

--- Is it the same file, by whatever name?
local function is_same(fs, path, other)
  local a <const>, b <const> = fs.stat(path, { missing = true }), fs.stat(other, { missing = true })
  return a ~= nil and b ~= nil and a.dev == b.dev and a.ino == b.ino
end

--- Raise when the program would replace what it is made of.
local function check_output(fs, output, entries)
  if not fs.exists(output) then return end
  for _, entry in ipairs(entries) do
    local path <const> = entry.chunkname and entry.chunkname:sub(2) or entry.name:match "^file:(.*)"
    if path and is_same(fs, output, path) then error(output .. ": it is part of the program, and would be lost", 0) end
  end
end

--- Make a program.
---@async
---@param options table  of bundle.parse
---@return string[] notes  what the user should know; raises what went wrong
function bundle.build(options)
  local archive <const>, fs <const> = require "lull.bundle.archive", require "lull.fs"
  local entries <const>, notes <const> = require "lull.bundle.collect"(options.script, options)
  check_output(fs, options.output, entries)
  local image <const>, folder <const> = self_image()
  table.insert(entries, { name = "folder:lull", bytes = folder .. "\0" })
  local program <const> = archive.append(image, entries)
  fs.write_file(options.output, program, { atomic = true, mode = "755" })
  fs.chmod(options.output, "755")
  local modules, files = 0, 0
  for _, entry in ipairs(entries) do
    if entry.name:find "^file:" then files = files + 1 end
    if not entry.name:find ":" then modules = modules + 1 end
  end
  table.insert(notes, ("%s: %s, modules: %d, files: %d"):format(options.output, size_text(#program), modules,
    files))
  return notes
end

--- Say what is in a program.
local function list(path)
  local program <const> = require("lull.fs").read_file(path)
  local entries <const> = require("lull.bundle.archive").list(program)
  if not entries then error(path .. ": no program of lull bundle", 0) end
  for _, entry in ipairs(entries) do
    local kind <const>, name <const> = entry.name:match "^(%a+):(.*)$"
    local from <const> = entry.chunkname and entry.chunkname:sub(2) or ""
    if kind ~= "folder" then
      local what <const> = kind == "file" and name or kind and from or entry.name .. "  " .. from
      print(("%-7s %9d  %s"):format(kind == "main" and "script" or kind or "module", #entry.bytes,
        (what:gsub("%c", "?"))))
    end
  end
end

local function fail(message)
  io.stderr:write("lull bundle: ", tostring(message), "\n")
  os.exit(1)
end

--- The command.
---@async
---@param ... string  its arguments
function bundle.main(...)
  local options <const>, why <const> = bundle.parse(...)
  if not options then
    fail(... == nil and why .. "\n\n" .. USAGE or why)
  elseif options.help then
    io.write(USAGE)
  elseif options.list then
    local ok <const>, wrong <const> = pcall(list, options.script)
    if not ok then fail(wrong) end
  else
    local ok <const>, notes <const> = pcall(bundle.build, options)
    if not ok then fail(notes) end
    for _, note in ipairs(notes) do io.stderr:write("lull bundle: ", note, "\n") end
  end
end

return bundle
