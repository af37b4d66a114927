--- lull.fs: files and folders, without holding up the loop.
---
--- Every call is work for the pool of threads for files; the rules of who may do what are asked
--- there, as paths are opened (lull.fs.native).  Names are strings of any bytes but NUL.
local check = require "lull.check"
local lull = require "lull"
local native = require "lull.fs.native"
local watch = require "lull.fs.watch"

local FOLLOW <const>, PARENTS <const>, RECURSIVE <const>, MISSING <const> = 1, 2, 4, 8
local ATOMIC <const>, APPEND <const>, SYNC <const>, EXCLUSIVE <const> = 16, 32, 64, 128
local MAX_FILE <const> = 1024 * 1024 * 1024
local MAX_LINE <const> = 1024 * 1024

local fs = {}

local function check_path(path, argument, name)
  check.type(path, argument, name, "string")
  if path:find("\0", 1, true) then check.fail(argument, name, "a path has no zero byte") end
end

--- The sum of the flags whose options are set.
local function flags_of(opts, flags)
  local sum = 0
  for name, flag in pairs(flags) do
    if opts and opts[name] then sum = sum + flag end
  end
  return sum
end

--- The bits of a mode: an integer, or a string of octal digits.
local function mode_of(mode, argument, name, max)
  if mode == nil then return nil end
  local bits
  if type(mode) == "string" then -- math.tointeger takes them, too
    bits = mode:find "^[0-7]+$" and tonumber(mode, 8)
  else
    bits = math.tointeger(mode)
  end
  if not bits or bits < 0 or bits > max then
    check.fail(argument, name, "a mode is a number, or octal digits as \"644\"")
  end
  return bits
end

local READ <const> = { max = "count" }

--- Read a whole file.
---@async
---@param path string
---@param opts? { max?: integer }
---@return string bytes
function fs.read_file(path, opts)
  check_path(path, 1, "read_file")
  check.options(opts, 2, "read_file", READ)
  return native.read_file(path, opts and opts.max or MAX_FILE)
end

local WRITE <const> = { atomic = "boolean", append = "boolean", sync = "boolean", mode = "any" }
local WRITE_FLAGS <const> = { atomic = ATOMIC, append = APPEND, sync = SYNC }

--- Write a whole file.
---@async
---@param path string
---@param bytes string
---@param opts? lull.fs.WriteOptions
function fs.write_file(path, bytes, opts)
  check_path(path, 1, "write_file")
  if type(bytes) ~= "number" then check.type(bytes, 2, "write_file", "string") end
  check.options(opts, 3, "write_file", WRITE)
  if opts and opts.atomic and opts.append then
    check.fail(3, "write_file", "atomic excludes append: it is one or the other")
  end
  native.write_file(path, bytes, flags_of(opts, WRITE_FLAGS),
    mode_of(opts and opts.mode, 3, "write_file", 511))
end

local STAT <const> = { missing = "boolean" }

local function stat(path, opts, flags, name)
  check_path(path, 1, name)
  check.options(opts, 2, name, STAT)
  if not (opts and opts.missing) then return native.stat(path, flags) end
  local ok <const>, result <const> = pcall(native.stat, path, flags)
  if ok then return result end
  if lull.is_error(result, "io") and (result.code == "ENOENT" or result.code == "ENOTDIR") then return nil end
  error(result, 0)
end

--- What the system tells of a file; of what a link leads to.
---@async
---@param path string
---@param opts? lull.fs.StatOptions
---@return lull.fs.Stat?
function fs.stat(path, opts)
  return stat(path, opts, FOLLOW, "stat")
end

--- The same of a link itself.
---@async
---@param path string
---@param opts? lull.fs.StatOptions
---@return lull.fs.Stat?
function fs.lstat(path, opts)
  return stat(path, opts, 0, "lstat")
end

--- Is there anything?  False for a link that leads nowhere.
---@async
---@param path string
---@return boolean
function fs.exists(path)
  return stat(path, { missing = true }, FOLLOW, "exists") ~= nil
end

--- The names in a folder, sorted by their bytes.
---@async
---@param path string
---@return string[]
function fs.list(path)
  check_path(path, 1, "list")
  return native.list(path)
end

local MKDIR <const> = { parents = "boolean", mode = "any" }

--- Make a folder.
---@async
---@param path string
---@param opts? { parents?: boolean, mode?: integer|string }
function fs.mkdir(path, opts)
  check_path(path, 1, "mkdir")
  check.options(opts, 2, "mkdir", MKDIR)
  native.mkdir(path, flags_of(opts, { parents = PARENTS }), mode_of(opts and opts.mode, 2, "mkdir", 1023))
end

local REMOVE <const> = { recursive = "boolean", missing = "boolean" }

--- Remove a file or an empty folder; with `recursive` a folder with all that is in it.
---@async
---@param path string
---@param opts? { recursive?: boolean, missing?: boolean }
function fs.remove(path, opts)
  check_path(path, 1, "remove")
  check.options(opts, 2, "remove", REMOVE)
  native.remove(path, flags_of(opts, { recursive = RECURSIVE, missing = MISSING }))
end

local RENAME <const> = { replace = "boolean" }

--- Rename or move within a file system; replaces what is there.
---@async
---@param from string
---@param to string
---@param opts? { replace?: boolean }
function fs.rename(from, to, opts)
  check_path(from, 1, "rename")
  check_path(to, 2, "rename")
  check.options(opts, 3, "rename", RENAME)
  native.rename(from, to, opts and opts.replace == false and EXCLUSIVE or 0)
end

local COPY <const> = { replace = "boolean", sync = "boolean", mode = "any" }

--- Copy a file.
---@async
---@param from string
---@param to string
---@param opts? lull.fs.CopyOptions
function fs.copy(from, to, opts)
  check_path(from, 1, "copy")
  check_path(to, 2, "copy")
  check.options(opts, 3, "copy", COPY)
  local flags <const> = flags_of(opts, { sync = SYNC })
  native.copy(from, to, flags + (opts and opts.replace == false and EXCLUSIVE or 0),
    mode_of(opts and opts.mode, 3, "copy", 511))
end

--- Make a symbolic link at `path` that says `target`.
---@async
---@param target string
---@param path string
function fs.symlink(target, path)
  check_path(target, 1, "symlink")
  check_path(path, 2, "symlink")
  native.symlink(path, target)
end

--- What a symbolic link says.
---@async
---@param path string
---@return string
function fs.readlink(path)
  check_path(path, 1, "readlink")
  return native.readlink(path)
end

--- Change the mode of a file, or of what a link leads to.
---@async
---@param path string
---@param mode integer|string
function fs.chmod(path, mode)
  check_path(path, 1, "chmod")
  if mode == nil then check.fail(2, "chmod", "a mode expected") end
  native.chmod(path, mode_of(mode, 2, "chmod", 4095))
end

--- The path of what is in a folder.
local function join(folder, name)
  return folder:sub(-1) == "/" and folder .. name or folder .. "/" .. name
end

local WALK <const> = { enter = "callable", on_error = "callable" }

--- Open the next folder that waits to be walked; nil when there is none.
local function next_folder(walk)
  while #walk.waiting > 0 do
    local path <const> = table.remove(walk.waiting)
    local ok <const>, folder <const> = pcall(native.folder, path, walk.path == path and FOLLOW or 0)
    if ok then
      walk.at, walk.folder = path, folder
      return folder
    elseif path == walk.path or not lull.is_error(folder) then
      error(folder, 0)
    elseif folder.code ~= "ENOENT" then -- else it was removed meanwhile
      if not walk.on_error then error(folder, 0) end
      walk.on_error(folder)
    end
  end
end

--- The next batch, of whatever folder; nil at the end.
local function next_batch(walk)
  local folder = walk.folder or next_folder(walk)
  while folder do
    local ok <const>, batch <const> = pcall(folder.next, folder, walk.at)
    if not ok then
      if walk.at == walk.path or not walk.on_error or not lull.is_error(batch, "io") then error(batch, 0) end
      walk.on_error(batch)
    elseif batch then
      return batch
    end
    folder:close()
    walk.folder = nil
    folder = next_folder(walk)
  end
end

--- Iterate over all that is below a folder.
---@async
---@param path string
---@param opts? lull.fs.WalkOptions
---@return async fun(): string?, lull.fs.Stat?
function fs.walk(path, opts)
  check_path(path, 1, "walk")
  check.options(opts, 2, "walk", WALK)
  local enter <const> = opts and opts.enter
  local walk <const> = { path = path, waiting = { path }, on_error = opts and opts.on_error }
  local batch, i, last, last_stat = nil, 1, nil, nil
  local function step()
    if last and last_stat.type == "directory" and (not enter or enter(last, last_stat)) then
      walk.waiting[#walk.waiting + 1] = last
    end
    last = nil
    if not batch or not batch[i] then
      batch, i = next_batch(walk), 1
      if not batch then return nil end
    end
    last, last_stat, i = join(walk.at, batch[i]), batch[i + 1], i + 2
    return last, last_stat
  end
  local closing <const> = setmetatable({}, { __close = function()
    if walk.folder then walk.folder:close() end
    walk.folder, walk.waiting, batch, last = nil, {}, nil, nil
  end })
  next_folder(walk)
  return step, nil, nil, closing
end

local WATCH <const> = { recursive = "boolean", delay = "seconds" }

--- Watch a folder or a file.
---@async
---@param path string
---@param opts? lull.fs.WatchOptions
---@return lull.fs.Watch
function fs.watch(path, opts)
  check_path(path, 1, "watch")
  check.options(opts, 2, "watch", WATCH)
  local watching <const> = watch.open(path, opts)
  return watching, nil, nil, watching
end

local OPEN <const> = { max_line = "count", max_all = "count", high_water = "any" }
local HIGH_WATER <const> = 1024 * 1024
local MODES <const> = "^[rwa]%+?b?$"

--- Open a file.
---@async
---@param path string
---@param mode? string  as io.open
---@param opts? lull.fs.OpenOptions
---@return lull.fs.File
function fs.open(path, mode, opts)
  check_path(path, 1, "open")
  check.type(mode, 2, "open", "string", true)
  if mode and not mode:find(MODES) then check.fail(2, "open", "invalid mode") end
  check.options(opts, 3, "open", OPEN)
  local high_water <const> = math.tointeger(opts and opts.high_water or HIGH_WATER)
  if opts and opts.high_water ~= nil and (not high_water or high_water < 0) then
    check.fail(3, "open", "high_water must be an integer >= 0")
  end
  return native.open(path, mode or "r", opts and opts.max_line or MAX_LINE, opts and opts.max_all or MAX_FILE,
    high_water)
end

--- A folder that is removed with all that is in it, at the end of its block.
---@class lull.fs.TempDir
---@field path string
local TempDir <const> = {}
TempDir.__index = TempDir
TempDir.__name = "lull.fs.TempDir"

--- Remove it now.  Idempotent; also under cancellation.
---@async
function TempDir:remove()
  check.self(self, TempDir, "remove")
  if self.removed then return end
  self.removed = true
  lull.shield(native.remove, self.path, RECURSIVE + MISSING)
end

TempDir.__close = TempDir.remove

--- Make a folder for a while, of a name that nobody has.
---@async
---@param parent? string
---@return lull.fs.TempDir
function fs.temp_dir(parent)
  if parent ~= nil then check_path(parent, 1, "temp_dir") end
  return setmetatable({ path = native.temp_dir(parent or "/tmp") }, TempDir)
end

return fs
