---@meta lull.compress
--
-- Definitions for editors: gzip, deflate, br and zstd, on streams of bytes and on strings.

---@class lull.compress
local compress = {}

---@alias lull.compress.Coding
---| "gzip"
---| "deflate" # the zlib format
---| "br"
---| "zstd"

---@class lull.compress.DecoderOptions
---@field max? integer  bytes that may come out; 64 MiB

--- The codings this build has; gzip and deflate at least.
---@return lull.compress.Coding[]
function compress.names() end

--- Begin to compress.
---@param name lull.compress.Coding
---@param level? integer  1 to 9; 0 to 11 for br, 1 to 19 for zstd
---@return lull.compress.Stream
function compress.new(name, level) end

--- Begin to expand what is not trusted.  The stream raises `io` for what is no such coding, and
--- `limit`.
---@param name lull.compress.Coding
---@param opts? lull.compress.DecoderOptions
---@return lull.compress.Stream
function compress.decoder(name, opts) end

--- Compress a string.
---@param name lull.compress.Coding
---@param bytes string
---@param level? integer
---@return string
function compress.encode(name, bytes, level) end

--- Expand a string.  Raises `io`, `limit`, and `eof` when it is cut off.
---@param name lull.compress.Coding
---@param bytes string
---@param opts? lull.compress.DecoderOptions
---@return string
function compress.decode(name, bytes, opts) end

-- Stream ----------------------------------------------------------------------------------

--- Bytes that are compressed or expanded; also a to-be-closed value.
---@class lull.compress.Stream
local Stream = {}

--- Give it bytes, get what comes out; some stays inside.
---@param bytes string
---@return string
function Stream:write(bytes) end

--- Get all that is inside, so that it can be expanded.
---@param bytes? string  before that
---@return string
function Stream:flush(bytes) end

--- Get the rest; it is over then.  Raises `eof` when what is expanded is cut off.
---@param bytes? string  before that
---@return string
function Stream:finish(bytes) end

--- Give it up.
function Stream:close() end

return compress
