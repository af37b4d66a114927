--- lull.program.watch: run a program, and run it again when a file that it has loaded changes.
--
-- The program is a child process.  It finds in LULL_WATCH the path of a pipe of ours and tells there
-- what it loads (core/program/loads.c).  A file is watched through its folder, so that an editor which writes
-- another file and renames it over the first is seen; one that is not there, through the nearest
-- folder that is.
local color = require "lull.term.color"
local fs = require "lull.fs.native"
local lull = require "lull"
local pipes = require "lull.net.native"
local process = require "lull.process"
local signal = require "lull.signal"
local sync = require "lull.sync"
local tty = require "lull.tty.native"

local SETTLED <const> = 0.1 -- seconds without a change, after one
local GRACE <const> = 5     -- seconds between TERM or INT, and KILL
local SOMETHING <const> = "something" -- nobody knows what
local LINKS <const> = 8     -- symbolic links after one another
local EXIT_SIGNAL <const> = 128
local NUMBERS <const> = { INT = 2, TERM = 15 }

local watch = {}

-- ---- files --------------------------------------------------------------------------------------

--- Files that are watched, among them those that child processes load; a to-be-closed value.
---@class lull.program.Files
---@field private watcher userdata
---@field private reader lull.net.Stream   what children tell
---@field private writer lull.net.Stream   the other end, for them to open
---@field private known table<string, boolean>
---@field private wanted table<integer, table<string, string[]>>  the paths that a name in a folder
---  is a part of
---@field private changes string[]         since the last `wait`
---@field private last number              when the last came
---@field private changed lull.sync.Event
---@field private tasks lull.Task[]
local Files <const> = {}
Files.__index = Files

local function note(self, path)
  self.changes[#self.changes + 1] = path
  self.known[path] = nil -- another folder may be the one to watch now
  self.last = lull.now()
  self.changed:set()
end

local function note_all(self, paths)
  for _, path in ipairs(paths) do note(self, path) end
end

local function add_once(list, item)
  for _, there in ipairs(list) do
    if there == item then return end
  end
  list[#list + 1] = item
end

local function split(path)
  local folder <const>, name <const> = path:match "^(.*)/([^/]*)$"
  if not folder then return ".", path end
  return folder == "" and "/" or folder, name
end

local ABSENT <const> = { ENOENT = true, ENOTDIR = true }
local UNREACHABLE <const> = { EACCES = true, ELOOP = true, ENAMETOOLONG = true }

local want

--- Watch a folder: its number, or nothing when it is not there, and then the nearest that is.
---@async
local function watch_folder(self, folder, path, links)
  for _ = 1, 2 do -- it may have come before the one above was watched
    local ok <const>, result <const> = pcall(self.watcher.add, self.watcher, folder)
    if ok then return result end
    local code <const> = lull.is_error(result, "io") and result.code
    if UNREACHABLE[code] then return end
    if not ABSENT[code] then error(result, 0) end -- ENOSPC: nothing more can be watched
    want(self, folder, path, links)
  end
end

--- Watch a name in a folder; what is to be told of it is `path`.
---@async
function want(self, at, path, links)
  local folder <const>, name <const> = split(at)
  if name == "" or name == "." then -- "x/", "."
    if folder ~= "/" and folder ~= "." then want(self, folder, path, links) end
    return
  end
  local number <const> = watch_folder(self, folder, path, links)
  if not number then return end
  local names <const> = self.wanted[number] or {}
  self.wanted[number] = names
  names[name] = names[name] or {}
  add_once(names[name], path)
  local is_link <const>, target <const> = pcall(fs.readlink, at)
  if is_link and links < LINKS then
    want(self, target:sub(1, 1) == "/" and target or folder .. "/" .. target, path, links + 1)
  end
end

--- Watch a file, which need not be there.
---@async
---@param path string
function Files:add(path)
  if self.known[path] then return end
  want(self, path, path, 0)
  self.known[path] = true
end

--- What a child told: the size and the time of a file as it was loaded.
---@async
local function take_told(self, message)
  local size <const>, time <const>, path <const> = message:match "^(%S+) (%S+) (.+)$"
  if not path or self.known[path] then return end
  self:add(path)
  local ok <const>, now = pcall(fs.stat, path, 1)
  if not ok then now = { size = -1, mtime = 0 } end
  if now.size ~= tonumber(size) or math.abs(now.mtime - tonumber(time)) > 1e-6 then note(self, path) end
end

---@async
local function read_told(self)
  local rest = ""
  while true do
    rest = rest .. self.reader:read_some()
    for message in rest:gmatch "(%Z+)%z" do take_told(self, message) end
    rest = rest:match "%Z*$"
  end
end

local function take_event(self, number, kind, name)
  local names <const> = self.wanted[number]
  if kind == "overflow" then
    note(self, SOMETHING)
  elseif names and (kind == "gone" or kind == "ignored") then
    self.wanted[number] = nil
    self.watcher:remove(number)
    for _, paths in pairs(names) do note_all(self, paths) end
  elseif names and names[name] then
    note_all(self, names[name])
  end
end

---@async
local function read_events(self)
  while true do
    local batch <const> = self.watcher:next(true) or {}
    for i = 1, #batch, 4 do take_event(self, batch[i], batch[i + 1], batch[i + 2]) end
  end
end

--- Wait until no change has come for a moment after one; what changed, each once.
---@async
local function settle(self)
  self.changed:wait()
  for _ = 1, 20 do -- then it may go on as long as it likes
    local last <const> = self.last
    lull.sleep(SETTLED)
    if self.last == last then break end
  end
  local changes <const>, seen <const>, paths <const> = self.changes, {}, {}
  self.changes = {}
  self.changed:clear()
  for _, path in ipairs(changes) do
    if not seen[path] then paths[#paths + 1] = path end
    seen[path] = true
  end
  return paths
end

--- Wait for changes, and then until none has come for a moment.  A file that is gone is none until
--- it is back: what loads a file and removes it would be run for ever.  One at a time.
---@async
---@return string[] paths  as they were added or told, each once, the first first
function Files:wait()
  while true do
    local paths <const> = {}
    for _, path in ipairs(settle(self)) do
      self:add(path)
      if path == SOMETHING or pcall(fs.stat, path, 1) then paths[#paths + 1] = path end
    end
    if #paths > 0 then return paths end
  end
end

--- The environment for a child whose files are to be watched: `env` of lull.process.
---@return table<string, string|boolean>
function Files:environment()
  return { inherit = true, LULL_WATCH = ("/proc/%d/fd/%d"):format(process.pid(), self.writer:fd()) }
end

--- Watch no more.
function Files:close()
  for _, task in ipairs(self.tasks) do task:cancel() end
  self.watcher:close()
  self.reader:close()
  self.writer:close()
end

Files.__close = Files.close

--- Watch files: none yet.  Its tasks belong to the caller's scope; close it before that ends.
---@return lull.program.Files   raises kinds io, limit
function watch.files()
  local reader <const>, writer <const> = pipes.pipe()
  local self <const> = setmetatable({
    watcher = fs.watcher(), reader = reader, writer = writer, known = {}, wanted = {},
    changes = {}, last = 0, changed = sync.event(),
  }, Files)
  self.tasks = { lull.spawn(read_told, self), lull.spawn(read_events, self) }
  return self
end

-- ---- running ------------------------------------------------------------------------------------

--- Say something of our own, in one dim line of stderr.
---@param text string
function watch.say(text)
  local dim <const> = color.detect(2) > 0
  io.stderr:write(dim and "\27[2m" or "", "lull: ", text, dim and "\27[22m" or "", "\n")
end

---@async
local function stop(child, name)
  if child:status() then return end
  child:kill(name)
  if not lull.move_on_after(GRACE, child.wait, child) then child:terminate(0) end
  child:wait()
end

--- Ctrl-C reaches a child at the terminal, too; a second one would end it before it has cleaned up.
---@async
local function stop_and_exit(child, name)
  if name == "INT" and tty.is_terminal(0) then
    if not lull.move_on_after(GRACE, child.wait, child) then child:terminate(0) end
    child:wait()
  else
    stop(child, name)
  end
  os.exit(EXIT_SIGNAL + NUMBERS[name])
end

local function describe(child)
  local _, code <const>, by <const> = child:status()
  return by and "ended by " .. by or "ended with code " .. code
end

--- Run a program; run it again after each change of the files, of which it tells if it is lull.
--- INT and TERM end both: the program of this process, then, with 128 and the number.
---@async
---@param argv string[]
---@param paths? string[]  files to watch besides
function watch.run(argv, paths)
  local files <close> = watch.files()
  local listener <close> = select(4, signal.listen("INT", "TERM"))
  local signalled <const> = lull.async(listener.wait)(listener)
  for _, path in ipairs(paths or {}) do files:add(path) end
  while true do
    local child <close> = process.open(argv, {
      stdin = "inherit", stdout = "inherit", stderr = "inherit", env = files:environment(),
    })
    local ended <const> = lull.async(child.wait)(child)
    local change <const> = lull.async(files.wait)(files)
    lull.wait({ signalled, change, ended }, { when = "first" })
    if ended:status() == "done" and change:status() == "pending" and signalled:status() == "pending" then
      watch.say(describe(child) .. "; waiting for a change")
      lull.wait({ signalled, change }, { when = "first" })
    end
    if signalled:status() == "done" then stop_and_exit(child, signalled:result()) end
    local changed <const> = change:await()
    watch.say(changed[1]:gsub("^%./", "") .. (#changed > 1 and " and others have" or " has") .. " changed: once more")
    stop(child, "TERM")
  end
end

--- `lull --watch ...`: the command line without it.
---@async
---@param ... string
function watch.main(...)
  watch.run { ... }
end

return watch
