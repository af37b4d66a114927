---@meta lull.http.compress
--
-- Definitions for editors: bodies compressed on their way, as middleware for a router.  Calling it is calling `responses`.

---@class lull.http.compress
local http_compress = {}

---@class lull.http.CompressOptions
---@field min? integer         bytes: smaller bodies are sent as they are; 1,024
---@field types? fun(type: string): boolean  which media types; texts and the like
---@field encodings? string[]  codings, the best first; those the build has of br, zstd, gzip
---@field level? table<string, integer>  by coding; what suits compressing on the way
---@field flush? boolean       send each piece of a streamed body at once; true

---@class lull.http.ExpandOptions
---@field max? integer  bytes that a body may expand to; 1 MiB

--- Middleware that compresses what is worth it for clients that take it.
---@param opts? lull.http.CompressOptions
---@return lull.http.Middleware
function http_compress.responses(opts) end

--- Middleware that expands the bodies of requests with a Content-Encoding.
---@param opts? lull.http.ExpandOptions
---@return lull.http.Middleware
function http_compress.requests(opts) end

return http_compress
