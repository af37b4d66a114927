--- lull.fs.watch: what the system tells of folders, made into what happened to paths.
---
--- Only folders are watched: a file through the folder it is in, so that an editor that writes
--- another file and renames it over the first is seen.  What is known to be there tells a change
--- from something new.  Events of a short while are made one for each path.
local check = require "lull.check"
local lull = require "lull"
local native = require "lull.fs.native"

local DELAY <const> = 0.05

--- What follows what: the two in one.  false: nothing has happened.
local MERGED <const> = {
  created = { created = "created", changed = "created", removed = false },
  changed = { created = "changed", changed = "changed", removed = "removed" },
  removed = { created = "changed", changed = "changed", removed = "removed" },
}

--- Tells what happens below a path; also a to-be-closed value and an iterator.
---@class lull.fs.Watch
---@field private events table[]  that are to be given out, from `first` on
local Watch <const> = {}
Watch.__index = Watch
Watch.__name = "lull.fs.Watch"

local function join(folder, name)
  return folder:sub(-1) == "/" and folder .. name or folder .. "/" .. name
end

--- Something has happened to a path.
local function note(self, path, kind)
  if self.only and path ~= self.only then return end
  local event <const> = self.pending[path]
  if not event then
    local new <const> = { path = path, kind = kind }
    self.pending[path] = new
    self.events[#self.events + 1] = new
  else
    local merged = MERGED[event.kind or "removed"][kind]
    if event.kind == false then merged = kind end
    event.kind = merged
  end
end

--- Watch a folder, and with `recursive` those below; tell what is in it if it is new.
local function add(self, path, is_new)
  local number <const> = self.native:add(path)
  self.paths[number] = path
  local folder <close> = native.folder(path, self.root == path and 1 or 0)
  for batch in function() return folder:next(path) end do
    for i = 1, #batch, 2 do
      local each <const> = join(path, batch[i])
      if is_new and not self.known[each] then note(self, each, "created") end
      self.known[each] = true
      if self.recursive and batch[i + 1].type == "directory" then self.adding[#self.adding + 1] = each end
    end
  end
end

--- Watch all folders that have been found and are still there.
local function add_all(self, is_new)
  while #self.adding > 0 do
    local i <const> = #self.adding
    local path <const> = self.adding[i]
    local ok <const>, err <const> = pcall(add, self, path, is_new) -- cancelled, it is done again
    table.remove(self.adding, i)
    local gone <const> = not ok and lull.is_error(err, "io") and (err.code == "ENOENT" or err.code == "ENOTDIR")
    if not ok and (not gone or path == self.root) then error(err, 0) end
  end
end

--- A path is gone, and with a folder all below it: moved away, that is still watched.
local function forget(self, path, is_folder)
  self.known[path] = nil
  if not is_folder then return end
  local below <const> = path .. "/"
  for each in pairs(self.known) do
    if each:sub(1, #below) == below then
      self.known[each] = nil
      note(self, each, "removed")
    end
  end
  for number, each in pairs(self.paths) do
    if each == path or each:sub(1, #below) == below then
      self.paths[number] = nil
      self.native:remove(number)
    end
  end
end

--- One event of the system's.
local function take(self, number, kind, name, is_folder)
  local folder <const> = self.paths[number]
  if kind == "overflow" then
    self.events[#self.events + 1] = { path = self.root, kind = kind }
    self.adding[#self.adding + 1] = self.root
  elseif kind == "ignored" then
    self.paths[number] = nil
  elseif kind == "gone" then
    if folder == self.root then
      note(self, self.only or folder, "removed")
      self.over = true
    end
  elseif folder then
    local path <const> = join(folder, name)
    if kind == "removed" then
      note(self, path, kind)
      forget(self, path, is_folder)
    else
      local is_known <const> = self.known[path]
      self.known[path] = true
      note(self, path, is_known and "changed" or "created")
      if is_folder and self.recursive and kind ~= "changed" then self.adding[#self.adding + 1] = path end
    end
  end
end

local function take_all(self, batch)
  for i = 1, batch and #batch or 0, 4 do take(self, batch[i], batch[i + 1], batch[i + 2], batch[i + 3]) end
  add_all(self, true)
end

--- Wait for something to happen, and gather what happens in a short while.
local function gather(self)
  self.events, self.first, self.pending = {}, 1, {}
  take_all(self, self.native:next(true))
  if self.delay > 0 then lull.sleep(self.delay) end
  local batch = self.native:next(false)
  for _ = 1, 64 do -- then there is enough for one turn
    if not batch then break end
    take_all(self, batch)
    batch = self.native:next(false)
  end
end

--- Wait for the next event; nil when the root is gone, or the watch is closed.
---@async
---@return { path: string, kind: string }?
function Watch:next()
  check.self(self, Watch, "next")
  while true do
    local event <const> = self.events[self.first]
    if event then
      self.first = self.first + 1
      if event.kind then return event end
    elseif self.over then
      self:close()
      return nil
    else
      gather(self)
    end
  end
end

--- Stop watching.  Idempotent; who waits gets `closed`.
function Watch:close()
  check.self(self, Watch, "close")
  self.over = true
  self.events, self.first = {}, 1
  self.native:close()
end

Watch.__call = Watch.next
Watch.__close = Watch.close

local watch = {}

--- Begin to watch a path.
---@async
---@param path string
---@param opts? lull.fs.WatchOptions
---@return lull.fs.Watch
function watch.open(path, opts)
  local is_folder <const> = native.watched(path).type == "directory"
  local root <const> = is_folder and path or path:match "^(.*)/[^/]+$" or "."
  local self <const> = setmetatable({
    native = native.watcher(), root = root == "" and "/" or root, delay = opts and opts.delay or DELAY,
    recursive = is_folder and opts and opts.recursive or false, paths = {}, known = {}, adding = {},
    events = {}, first = 1, pending = {},
  }, Watch)
  if not is_folder then self.only = join(self.root, path:match "[^/]+$") end
  local ok <const>, err <const> = pcall(function()
    self.adding[1] = self.root
    add_all(self, false)
  end)
  if not ok then
    self:close()
    error(err, 0)
  end
  return self
end

return watch
