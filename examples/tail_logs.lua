--- tail_logs.lua: prints what is added to the files of a folder, line by line.
--
--   lull examples/tail_logs.lua [folder]         (.)
--
-- Files may come and go while it runs.  One that is renamed (app.log becomes app.log.1) stays the
-- same file, so nothing is printed twice; one that is cut off begins anew.  Ctrl-C ends it.
local fs = require "lull.fs"
local log = require "lull.log"
local term = require "lull.term"

local tails <const> = {} -- by what never changes of a file: its device and number
local names <const> = {} -- the tail that a path leads to

--- Print the lines that are whole; what comes after the last one waits for its end.
local function print_new(tail)
  local file <const> = tail.file
  if file:stat().size < file:seek() then -- cut off
    file:seek "set"
    tail.part = ""
  end
  for line in file:lines "L" do
    tail.part = tail.part .. line
    if line:sub(-1) == "\n" then
      io.write(term.cyan(tail.name), ": ", tail.part)
      tail.part = ""
    end
  end
end

--- A path leads to this file no more: another one is there, or none.
local function leave(path)
  local tail <const> = names[path]
  names[path] = nil
  if not tail then return end
  print_new(tail)
  if tail.file:stat().nlink == 0 then -- it has no other name either
    tail.file:close()
    tails[tail.id] = nil
  end
end

--- The tail of what is at a path; nil when that is no file.
local function tail_at(path)
  local stat <const> = fs.stat(path, { missing = true })
  if not stat or stat.type ~= "file" then return nil end
  local id <const> = stat.dev .. ":" .. stat.ino
  local tail <const> = tails[id] or { id = id, file = fs.open(path), part = "" }
  tails[id] = tail
  return tail
end

--- Something has happened to a path: print what is new.
local function look(path)
  local tail <const> = tail_at(path)
  if names[path] ~= tail then leave(path) end
  if not tail then return end
  names[path] = tail
  tail.name = path
  print_new(tail)
end

--- What is in the files at first is old.
local function skip(path)
  local tail <const> = tail_at(path)
  if not tail then return end
  names[path] = tail
  tail.name = path
  tail.file:seek "end"
end

--- Do that for all files; one that cannot be read is told, and the others go on.
local function for_all(folder, what)
  for path in fs.walk(folder) do log.try("cannot read " .. path, what, path) end
end

local folder <const> = arg[1] or "."
io.stdout:setvbuf "line" -- seen at once, even through a pipe
local watch <close> = fs.watch(folder, { recursive = true })
for_all(folder, skip)
log.info("watching " .. folder)
for event in watch do
  if event.kind == "overflow" then -- more has happened than the system can remember
    for_all(folder, look)
  else
    log.try("cannot read " .. event.path, look, event.path)
  end
end
