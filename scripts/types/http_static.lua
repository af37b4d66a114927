---@meta lull.http.static
--
-- Definitions for editors: the files of a folder, as a handler.
--
-- The folder needs the permission to read it; then all below it may be.

---@class lull.http.static
local static = {}

---@class lull.http.StaticOptions
---@field index? string|false     file that answers for its folder; "index.html"
---@field listing? boolean        answer for folders without one with a list; false
---@field dotfiles? boolean       answer with names that begin with a dot; false
---@field max_age? integer        seconds that clients may keep a file without asking; unsaid
---@field precompressed? boolean  send x.br, x.zst or x.gz for x, where that is not older; false
---@field types? table<string, string>  media types by extension, before those that are known
---@field cache? integer          files that are kept open; 256; 0: none

--- A handler that answers GET and HEAD with the files of a folder.  Raises `io` when there is
--- no such folder.
---@param dir string
---@param opts? lull.http.StaticOptions
---@return lull.http.Handler
function static.new(dir, opts) end

--- Send a request for a folder to the path with a slash at its end.
---@param req table
---@return table response
function static.redirect(req) end

return static
