--- lull.json: JSON (RFC 8259) to Lua values and back.
---
--- Integers stay integers, and floats stay floats: 1.0 is written "1.0".  An integer that 64 bits
--- do not hold is read as a float, and a number beyond every float is an error.  null is
--- json.null, which is true as a condition.  What was read as an array stays one, also when it
--- becomes empty; a script's own table is an array if its keys are 1 to n, an object if they are
--- strings, and an object when it is empty unless json.array marked it.  Tables are read raw:
--- no metamethod is called.  Of a key that occurs twice the last value counts.
---
--- Texts are UTF-8, without a byte order mark.  What is wrong raises kind `json`: reading with
--- the fields `line`, `column` (in characters) and `position` (in bytes), all from 1; writing
--- with `path`, as in "$.users[3].name".  A text of more than `size` bytes raises kind `limit`.
local check = require "lull.check"
local lull = require "lull"
local native = require "lull.json.native"

---@class lull.json.DecodeOptions
---@field depth? integer   levels of arrays and objects at most, up to 10000; 128
---@field size? integer    bytes of text at most; 64 MiB
---@field unique? boolean  a key that occurs twice is an error

---@class lull.json.EncodeOptions
---@field depth? integer   levels of tables at most, up to 10000; 128
---@field size? integer    bytes of text at most; 64 MiB
---@field indent? integer  spaces per level, up to 16; 0: all in one line
---@field sort? boolean    the keys of objects, by their bytes

local json = {
  --- Mark a table as an array, or make one.
  array = native.array,
  --- Read a value.
  decode = native.decode,
  --- Write a value.
  encode = native.encode,
  --- Whether a value is a table that is marked as an array.
  is_array = native.is_array,
  --- What stands for null.
  null = native.null,
}

--- Complain of wrong options as native.decode does.
local function check_options(opts)
  local ok <const>, message <const> = pcall(native.decode, "0", opts)
  if not ok then
    check.fail(2, "lines", tostring(message):match "%((.*)%)$" or tostring(message))
  end
end

--- The function that gives the next line of a text, of what yields lines, or of an object
--- that has lines(); nil: it is none of these.
local function lines_of(source)
  if type(source) == "string" then return source:gmatch "([^\n]*)\n?" end
  if type(source) == "function" then return source end
  if type(source) ~= "table" and type(source) ~= "userdata" then return nil end
  local ok <const>, lines <const> = pcall(function() return source.lines end)
  return ok and lines and lines(source) or nil
end

--- Read the value of one line; errors say which it was.
local function decode_line(line, number, opts)
  local ok <const>, result <const> = pcall(native.decode, line, opts)
  if ok then return result end
  if lull.is_error(result, "json") then
    result.op, result.line = "json.lines", number
    result.message = result.message:gsub("^line %d+", "line " .. number)
  end
  error(result, 0)
end

--- Iterate over the values of newline-delimited JSON.  Empty lines are skipped.
---
--- `size` is that of one line; what the source itself allows (a stream's `max_line`) holds, too.
--- After an error the iterator may be called again: it goes on behind the line that was wrong.
---@param source string | fun(): string? | { lines: fun(self): fun(): string? }  a text, an
---  iterator over lines, or an object with such a method: a stream, a response, a file
---@param opts? lull.json.DecodeOptions
---@return async fun(): any  nil at the end
function json.lines(source, opts)
  check_options(opts)
  local next_line <const> = lines_of(source)
  if not next_line then
    check.fail(1, "lines", "a text, an iterator or a stream expected, got " .. type(source))
  end
  local number = 0
  return function()
    repeat
      local line <const> = next_line()
      number = number + 1
      if line and line:find "%S" then return decode_line(line, number, opts) end
    until not line
  end
end

return json
