--- lull.compress: gzip, deflate, br and zstd, on streams of bytes and on strings.
---
--- Nothing here suspends: a call works through the bytes it is given.  Give large ones in pieces.
local check = require "lull.check"
local native = require "lull.compress.native"

--- A stream of bytes that are compressed or expanded; also a to-be-closed value.
---@class lull.compress.Stream
---@field write fun(self, bytes: string): string    what comes out; what stays inside comes later
---@field flush fun(self, bytes?: string): string   all that is inside, so that it can be expanded
---@field finish fun(self, bytes?: string): string  the rest; `eof` when what is expanded is cut off
---@field close fun(self)  give it up; finish() has done so

local compress = {}

local NAMES <const> = { "gzip", "deflate", "br", "zstd" }
local MAX_OUTPUT <const> = 64 * 1024 * 1024
local DECODER <const> = { max = "count" }

--- The codings this build has, for compressing.  gzip and deflate are always there.
---@return string[]
function compress.names()
  local names <const> = {}
  for _, name in ipairs(NAMES) do
    local stream <const> = native.open(name, false)
    if stream then
      stream:close()
      names[#names + 1] = name
    end
  end
  return names
end

local function open(name, expands, number, call)
  check.type(name, 1, call, "string")
  local stream <const> = native.open(name, expands, number)
  if not stream then check.fail(1, call, ("this build has no coding '%s'"):format(name)) end
  return stream
end

local LEVELS <const> = { gzip = { 1, 9 }, deflate = { 1, 9 }, br = { 0, 11 }, zstd = { 1, 19 } }

--- Begin to compress.
---@param name string     "gzip", "deflate" (the zlib format), "br", "zstd"
---@param level? integer  1 to 9; 0 to 11 for br, 1 to 19 for zstd; what suits sending at once
---@return lull.compress.Stream
function compress.new(name, level)
  local levels <const> = LEVELS[name]
  local number <const> = math.tointeger(level)
  if level ~= nil and levels and (not number or number < levels[1] or number > levels[2]) then
    check.fail(2, "new", ("a level is an integer from %d to %d"):format(levels[1], levels[2]))
  end
  return open(name, false, number, "new")
end

--- Begin to expand.  What comes in is not trusted: raises `io` when it is no such coding, and
--- `limit` when more would come out than allowed.
---@param name string
---@param opts? { max?: integer }  bytes that may come out; 64 MiB
---@return lull.compress.Stream
function compress.decoder(name, opts)
  check.options(opts, 2, "decoder", DECODER)
  return open(name, true, opts and opts.max or MAX_OUTPUT, "decoder")
end

--- Compress a string.
---@param name string
---@param bytes string
---@param level? integer
---@return string
function compress.encode(name, bytes, level)
  check.type(bytes, 2, "encode", "string")
  return compress.new(name, level):finish(bytes)
end

--- Expand a string.  Raises `io`, `limit`, and `eof` when it is cut off.
---@param name string
---@param bytes string
---@param opts? { max?: integer }  bytes that may come out; 64 MiB
---@return string
function compress.decode(name, bytes, opts)
  check.type(bytes, 2, "decode", "string")
  return compress.decoder(name, opts):finish(bytes)
end

return compress
