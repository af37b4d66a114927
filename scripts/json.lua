--- lull.json: JSON (RFC 8259) to Lua values and back.
---
--- Integers stay integers, floats stay floats (1.0 is written "1.0"); an integer that 64 bits do
--- not hold is read as a float, and one beyond every float is an error.  `null` is json.null,
--- which is true as a condition.  What was read as an array stays one, also when it is empty; an
--- empty table of a script is an object unless json.array marked it.  Of a key that occurs
--- twice the last value counts.
---
--- Texts are UTF-8, without a byte order mark.  What is wrong raises kind `json`: reading with
--- the fields `line`, `column` (in characters) and `position` (in bytes), all from 1; writing
--- with `path`, as in "$.users[3].name".  A text that is too large raises kind `limit`.
local check = require "lull.check"
local lull = require "lull"
local native = require "lull.json.native"

---@class lull.json.DecodeOptions
---@field depth? integer   levels of arrays and objects at most; 128
---@field size? integer    bytes of text at most; 64 MiB
---@field unique? boolean  a key that occurs twice is an error

---@class lull.json.EncodeOptions
---@field depth? integer   levels of tables at most; 128
---@field size? integer    bytes of text at most; 64 MiB
---@field indent? integer  spaces per level, up to 16; 0: all in one line
---@field sort? boolean    the keys of objects, by their bytes

local json = {
  array = native.array,
  decode = native.decode,
  encode = native.encode,
  is_array = native.is_array,
  null = native.null,
}

--- An iterator over the lines of a text, a stream or whatever yields lines.
local function lines_of(source)
  if type(source) == "string" then return source:gmatch "[^\n]+" end
  if type(source) == "function" then return source end
  local ok <const>, lines <const> = pcall(function() return source.lines end)
  if ok and lines then return lines(source) end
end

--- Iterate over the values of newline-delimited JSON; empty lines are skipped.
---
--- The size is that of one line.  After an error, whose `line` is counted from the first, the
--- iterator may be called again for the next one.
---@param source string | fun(): string? | { lines: fun(self): fun(): string? }
---@param opts? lull.json.DecodeOptions
---@return async fun(): any  nil at the end
function json.lines(source, opts)
  return lines_of(source), opts, check, lull
end

return json
