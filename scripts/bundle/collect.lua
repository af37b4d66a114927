--- lull.bundle.collect: everything that a script needs, as entries of an archive.
local fs = require "lull.fs"
local scan = require "lull.bundle.scan"

local MAX_MODULE <const> = 64 * 1024 * 1024
local MAX_FILE <const> = 1024 * 1024 * 1024
local MAX_ENTRIES <const> = 65536

local STANDARD <const> = {
  _G = true, coroutine = true, debug = true, io = true, math = true, os = true, package = true,
  string = true, table = true, utf8 = true,
}

---@class lull.bundle.Options
---@field path? string          templates as in package.path, looked through first
---@field include? string[]     modules besides those that are found
---@field exclude? string[]     modules to leave out; "x.*": all below x
---@field file? string[]        files that the script reads with lull.bundle.read
---@field ignore_missing? boolean
---@field bytecode? boolean
---@field strip? boolean        bytecode without debug information

---@class lull.bundle.Collection
---@field entries lull.bundle.Entry[]
---@field notes string[]        what the user should know
---@field package opts lull.bundle.Options
---@field package seen table<string, boolean>
---@field package queue table[] modules to look at
local Collection = {}
Collection.__index = Collection

local function fail(format, ...)
  error(format:format(...), 0)
end

function Collection:note(format, ...)
  table.insert(self.notes, (format:format(...)))
end

function Collection:add(entry)
  if #self.entries == MAX_ENTRIES then fail("more than %d modules and files", MAX_ENTRIES) end
  table.insert(self.entries, entry)
end

--- Is it a module of lull's own, or of Lua?
local function is_inside(name)
  if STANDARD[name] or name == "lull" then return true end
  local ok <const>, loader <const> = pcall(package.searchers[2], name)
  return not ok or type(loader) == "function"
end

function Collection:is_excluded(name)
  for _, given in ipairs(self.opts.exclude or {}) do
    local below <const> = given:match "^(.*)%.%*$"
    if name == given or below and name:sub(1, #below + 1) == below .. "." then return true end
  end
  return false
end

--- The file of a module: its path, and whether it is a C module.
function Collection:find(name)
  local path <const> = (self.opts.path and self.opts.path .. ";" or "") .. package.path
  local file <const> = package.searchpath(name, path)
  if file then return file, false end
  local root <const> = name:match "^[^.]+"
  local native <const> = package.searchpath(name, package.cpath) or package.searchpath(root, package.cpath)
  return native, native ~= nil
end

--- Note what a piece of code needs: those modules are to be looked at.
function Collection:follow(text, file)
  for _, need in ipairs(scan(text)) do
    local where <const> = file .. ":" .. need.line
    if not need.name then
      self:note("%s: a computed name is required here; see --include", where)
    elseif not self.seen[need.name] then
      table.insert(self.queue, { name = need.name, where = where, optional = need.optional })
    end
  end
end

--- The code of a file, as it will be in the archive; what it needs is noted.
function Collection:load(file)
  local text = fs.read_file(file, { max = MAX_MODULE })
  local chunkname <const> = "@" .. file
  text = text:gsub("^\xEF\xBB\xBF", ""):gsub("^#[^\n]*", "")
  local is_binary <const> = text:sub(1, 1) == "\27"
  local chunk <const>, why <const> = load(text, chunkname)
  if not chunk then fail("%s", why) end
  if is_binary then
    self:note("%s: bytecode, which cannot be looked through; see --include", file)
  else
    self:follow(text, file)
    if self.opts.bytecode or self.opts.strip then text = string.dump(chunk, self.opts.strip) end
  end
  return text, chunkname
end

--- Add the next module of the queue.
function Collection:take(wanted)
  local name <const> = wanted.name
  if self.seen[name] or is_inside(name) or self:is_excluded(name) then return end
  local file <const>, is_native <const> = self:find(name)
  if not file then
    if wanted.optional or self.opts.ignore_missing then
      self:note("%s: module '%s' is not found, so it is not in", wanted.where, name)
      self.seen[name] = true
      return
    end
    fail("%s: module '%s' is not found in package.path (see --path, --exclude, --ignore-missing)",
      wanted.where, name)
  end
  self.seen[name] = true
  if is_native then
    self:note("%s: module '%s' is a C module (%s): it is not in, and loaded when it is required",
      wanted.where, name, file)
    return
  end
  local text <const>, chunkname <const> = self:load(file)
  self:add { name = name, bytes = text, chunkname = chunkname }
end

--- Collect.  Raises a text that says what is missing or wrong.
---@async
---@param script string
---@param opts lull.bundle.Options
---@return lull.bundle.Entry[] entries
---@return string[] notes
return function(script, opts)
  local self <const> = setmetatable({ entries = {}, notes = {}, opts = opts, seen = {}, queue = {} }, Collection)
  local text <const>, chunkname <const> = self:load(script)
  self:add { name = "main:", bytes = text, chunkname = chunkname }
  for _, name in ipairs(opts.include or {}) do
    table.insert(self.queue, { name = name, where = "--include" })
  end
  local done = 0
  while done < #self.queue do
    done = done + 1
    self:take(self.queue[done])
  end
  for _, path in ipairs(opts.file or {}) do
    local name <const> = "file:" .. path
    if not self.seen[name] then
      self.seen[name] = true
      self:add { name = name, bytes = fs.read_file(path, { max = MAX_FILE }) }
    end
  end
  return self.entries, self.notes
end
