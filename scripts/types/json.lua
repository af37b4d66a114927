---@meta lull.json
--
-- Definitions for editors: JSON to Lua values and back.

---@class lull.json
---@field null lull.json.Null  what stands for null; true as a condition
local json = {}

---@class lull.json.Null

---@class lull.json.DecodeOptions
---@field depth? integer   levels of arrays and objects at most, up to 10000; 128
---@field size? integer    bytes of text at most; 64 MiB
---@field unique? boolean  a key that occurs twice is an error

---@class lull.json.EncodeOptions
---@field depth? integer   levels of tables at most, up to 10000; 128
---@field size? integer    bytes of text at most; 64 MiB
---@field indent? integer  spaces per level, up to 16; 0: all in one line
---@field sort? boolean    the keys of objects, by their bytes

--- Read a value.  Raises `json`, with the fields `line`, `column` and `position`; `limit` for a
--- text of more than `size` bytes.
---@param text string
---@param opts? lull.json.DecodeOptions
---@return any
function json.decode(text, opts) end

--- Write a value.  Raises `json`, with the field `path`, for what JSON cannot hold: functions
--- and the like, numbers that are not finite, cycles, arrays with holes, keys that are no
--- strings, strings that are no UTF-8; `limit` for a text of more than `size` bytes.
---@param value any
---@param opts? lull.json.EncodeOptions
---@return string
function json.encode(value, opts) end

--- Mark a table as an array, by its metatable: then it is one also when it is empty.
---@generic T: table
---@param t? T  a new table
---@return T t
function json.array(t) end

--- Whether a value is a table that is marked as an array, as those that were read are.
---@param value any
---@return boolean
function json.is_array(value) end

--- Iterate over the values of newline-delimited JSON; empty lines are skipped.  Calling the
--- iterator suspends where its source does, and raises `json`, whose `line` is counted from the
--- first; it may be called again for the lines behind that.
---@param source string | fun(): string? | { lines: fun(self: any): fun(): string? }
---@param opts? lull.json.DecodeOptions  `size` is that of one line
---@return async fun(): any # nil at the end
function json.lines(source, opts) end

return json
