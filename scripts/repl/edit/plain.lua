--- lull.repl.edit.plain: reading where there is nothing to edit with: lines as they come, from a
--- terminal in its usual mode, a file, a pipe or a connection.
local lull = require "lull"

local plain = {}

local concat <const>, error <const> = table.concat, error -- whatever a script does to the globals

local MAX_TEXT <const> = 16 << 20 -- bytes of one text
local PIECE <const> = 4096

--- A line without its newline, nil at the end; and whether it is the last.
local function read_line(editor)
  local pieces <const>, size, piece = {}, 0, editor.rest
  editor.rest = ""
  while piece do
    local stop <const> = piece:find("\n", 1, true)
    if stop then
      editor.rest = piece:sub(stop + 1)
      pieces[#pieces + 1] = piece:sub(1, stop - 1)
      return concat(pieces), false
    end
    pieces[#pieces + 1] = piece
    size = size + #piece
    if size > MAX_TEXT then
      error(lull.new_error("limit", ("a line of more than %d bytes"):format(MAX_TEXT), { op = "edit.read" }))
    end
    piece = editor.terminal:read_some(PIECE)
  end
  local line <const> = concat(pieces)
  return line ~= "" and line or nil, true
end

--- Read lines until they are complete.  Cancelled, it forgets those it had.
---@async
---@param editor lull.repl.Editor
---@param prompt string
---@param prompt2 string
---@return string? text
---@return string? why
function plain.read(editor, prompt, prompt2)
  local terminal <const>, text = editor.terminal, nil
  while true do
    if not terminal.silent then terminal:write(text and prompt2 or prompt) end
    local line <const>, is_last <const> = read_line(editor)
    if not line then
      if text then return text end
      return nil, "end"
    end
    text = text and text .. "\n" .. line or line
    if #text > MAX_TEXT then
      error(lull.new_error("limit", ("a text of more than %d bytes"):format(MAX_TEXT), { op = "edit.read" }))
    end
    if is_last or editor:is_complete(text) then return text end
  end
end

return plain
