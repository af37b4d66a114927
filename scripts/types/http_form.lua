---@meta lull.http.form
--
-- Definitions for editors: what forms send: `a=1&b=2`, and multipart/form-data.

---@class lull.http.form
local form = {}

---@class lull.http.FormOptions
---@field max_body? integer    bytes of the whole body; the request's max_body, or 1 MiB
---@field max_fields? integer  fields, files included; 1,000
---@field max_header? integer  bytes of the header of one part; 16 KiB

--- A file of a form that was read whole.
---@class lull.http.FormFile
---@field filename string  the last component of what the client calls it: never trust it
---@field content_type string
---@field body string

--- Decode `a=1&b=2`: the first value of each name.  Raises `http` with status 413.
---@param text string
---@param limit? integer  fields; 1,000
---@return table<string, string>
function form.decode(text, limit) end

--- Decode `a=1&b=2`: a list of the values of each name.  Raises `http` with status 413.
---@param text string
---@param limit? integer  fields; 1,000
---@return table<string, string[]>
function form.decode_all(text, limit) end

--- Encode as `a=1&b=2`, sorted by name.  A list gives its name several times.
---@param fields table
---@return string
function form.encode(fields) end

--- Read a form of either type whole.  Raises `http` with status 400, 413 or 415.
---@async
---@param req table
---@param opts? lull.http.FormOptions
---@return table<string, string|lull.http.FormFile> first # value of each name
---@return table<string, (string|lull.http.FormFile)[]> all
function form.read(req, opts) end

--- Iterate over the parts of a multipart form as they come.  Raises as `read` does.
---@async
---@param req table
---@param opts? lull.http.FormOptions
---@return async fun(): lull.http.Part?
function form.parts(req, opts) end

-- Part ------------------------------------------------------------------------------------

--- One part of a multipart form.
---@class lull.http.Part
---@field name string
---@field filename? string     the last component of what the client calls it: never trust it
---@field content_type string  "text/plain" when the part has none
---@field headers table<string, string>  by names in lower case
local Part = {}

--- Read what is there of the content: at least one byte.
---@async
---@return string? # nil at the end
function Part:read_some() end

--- Read the rest of the content.  Raises `http` with status 413 when it is longer.
---@async
---@param limit? integer  bytes; 1 MiB
---@return string
function Part:read(limit) end

return form
