--- lull.http.static.files: the open files of one folder, by path, for a moment.
---
--- A file that was opened is believed to be the one at its path for a second; then it is looked up
--- again.  At most so many are kept open: in two generations, of which the older is closed when
--- the younger is full; what is asked for again moves to the younger.
local date = require "lull.http.date"
local lull = require "lull"
local mime = require "lull.http.mime"
local native = require "lull.http.file.native"

local VALID <const> = 1  -- seconds
local YOUNG <const> = 2  -- seconds after a change in which another may leave no trace

--- One file as it was found.
---@class lull.http.OpenFile
---@field handle userdata    with fd(), read(offset, n), retain(), close()
---@field size integer
---@field time integer       of its last change
---@field modified string    the same as a date
---@field etag string        weak while the file is too young to tell two changes apart
---@field type string
---@field encoding? string   of a compressed variant
---@field variants? table<string, lull.http.OpenFile>  by encoding
---@field found number       when

---@class lull.http.Files
---@field private folder userdata
---@field private types? table<string, string>
---@field private encodings { name: string, suffix: string }[]  of variants to look for
---@field private half integer   of a generation; 0: nothing is kept
---@field private young table<string, lull.http.OpenFile>
---@field private old table<string, lull.http.OpenFile>
---@field private count integer  of the young
local Files <const> = {}
Files.__index = Files

local files = {}

---@param dir string
---@param opts { cache: integer, types?: table<string, string>, precompressed?: boolean }
---@return lull.http.Files   raises io
function files.new(dir, opts)
  local encodings <const> = {
    { name = "br", suffix = ".br" },
    { name = "zstd", suffix = ".zst" },
    { name = "gzip", suffix = ".gz" },
  }
  return setmetatable({
    folder = native.folder(dir),
    types = opts.types,
    encodings = opts.precompressed and encodings or {},
    half = opts.cache // 2,
    young = {},
    old = {},
    count = 0,
  }, Files)
end

local function close_file(file)
  file.handle:close()
  for _, variant in pairs(file.variants or {}) do variant.handle:close() end
end

local function describe(handle, media)
  local size <const>, time <const>, nanoseconds <const>, inode <const> = handle:stat()
  local weak <const> = os.time() - time < YOUNG and "W/" or ""
  return {
    handle = handle,
    size = size,
    time = time,
    modified = date.format(time),
    etag = ('%s"%x-%x.%x-%x"'):format(weak, size, time, nanoseconds, inode),
    type = media,
  }
end

--- The compressed variants beside a file that are not older than it.
---@async
local function open_variants(self, path, file)
  local variants
  for _, encoding in ipairs(self.encodings) do
    local handle <const> = self.folder:open(path .. encoding.suffix)
    local variant <const> = handle and describe(handle, file.type)
    if variant and variant.time >= file.time then
      variant.encoding = encoding.name
      variants = variants or {}
      variants[encoding.name] = variant
    elseif variant then
      handle:close()
    end
  end
  return variants
end

--- Put a file into the younger generation.
local function keep(self, path, file)
  local before <const> = self.young[path]
  if before and before ~= file then close_file(before) end
  if not before then self.count = self.count + 1 end
  self.young[path] = file
  if self.count <= self.half then return end
  local dropped <const> = self.old
  self.young, self.old, self.count = {}, self.young, 0
  for _, one in pairs(dropped) do close_file(one) end
end

--- Is it still good?  If it is old, it becomes young.
local function cached(self, path, now)
  local file = self.young[path]
  if not file then
    file = self.old[path]
    if not file then return nil end
    self.old[path] = nil
    keep(self, path, file)
  end
  return now - file.found < VALID and file or nil
end

--- What was kept is not there any more.
local function forget(self, path)
  local known <const> = self.young[path]
  if known then
    self.young[path], self.count = nil, self.count - 1
    close_file(known)
  end
end

--- The file at a path, if it is kept and still good.
---@param path string
---@return lull.http.OpenFile?
function Files:known(path)
  return cached(self, path, lull.now())
end

--- The file at a path.  What is found has to be taken before anything else is waited for.
---@async
---@param path string  relative, without empty and dot segments
---@return lull.http.OpenFile?
---@return string? why  "missing", "folder", "forbidden"
function Files:find(path)
  local now <const> = lull.now()
  local known <const> = cached(self, path, now)
  if known then return known end
  local handle <const>, why <const> = self.folder:open(path)
  if not handle then
    forget(self, path)
    return nil, why
  end
  local file <const> = describe(handle, mime.of(path, self.types))
  file.variants = open_variants(self, path, file)
  file.found = now
  if self.half > 0 then keep(self, path, file) end
  return file
end

--- Take what a response needs of a file that was found: one of its handles, which the response
--- closes, or none.
---@param file lull.http.OpenFile
---@param chosen? lull.http.OpenFile  it or one of its variants
---@return userdata? handle
function Files:take(file, chosen)
  if self.half == 0 then
    if chosen then chosen.handle:retain() end
    close_file(file)
  elseif chosen then
    chosen.handle:retain()
  end
  return chosen and chosen.handle
end

--- The names in a folder; those of folders end in a slash.
---@async
---@param path string
---@return string[]?
function Files:list(path)
  return (self.folder:list(path))
end

return files
