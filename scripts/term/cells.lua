--- lull.term.cells: how wide a text is on a terminal, cutting it and filling it up.
--
-- Every character counts by itself, as wcwidth has it; control characters take no cell, a byte
-- that is no UTF-8 takes one.  Escape sequences for styles and links take none, and are kept
-- where a text is cut: what they began is ended.
local cells_of = require "lull.term.wide"

local cells = {}

local decode <const> = utf8.codepoint
local LINK_END <const> = "\27]8;;\27\\"

--- The end of an escape sequence that begins at `at`; nil: none does.
local function sequence(text, at)
  local _, last = text:find("^\27%[[0-?]*[ -/]*[@-~]", at)
  if not last then
    _, last = text:find("^\27%][^\7\27]*\7", at)
  end
  if not last then
    _, last = text:find("^\27%][^\7\27]*\27\\", at)
  end
  return last
end

--- Iterate over a text: first and last byte, cells, and whether it is an escape sequence.
local function pieces(text)
  local at = 1
  return function()
    local byte <const> = text:byte(at)
    if not byte then return nil end
    local first <const> = at
    local width, is_sequence = 1, false
    local last = at
    if byte == 27 and sequence(text, at) then
      last, width, is_sequence = sequence(text, at), 0, true
    elseif byte < 32 or byte == 127 then
      width = 0
    elseif byte >= 128 then
      local ok <const>, code <const> = pcall(decode, text, at)
      if ok then
        last = at + (code < 0x800 and 1 or code < 0x10000 and 2 or 3)
        width = code < 0xA0 and 0 or cells_of(code)
      end
    end
    at = last + 1
    return first, last, width, is_sequence
  end
end

--- The cells that a text takes.
---@param text string
---@return integer
function cells.width(text)
  if not text:find "[^ -~]" then return #text end
  local sum = 0
  for _, _, width in pieces(text) do sum = sum + width end
  return sum
end

--- The start of a text that fits, with what is combined with its last character.
---@param text string
---@param room integer  cells
---@return string start
---@return integer width  of it
---@return string rest
function cells.split(text, room)
  local sum, stop = 0, 0
  for _, last, width in pieces(text) do
    if sum + width > room then break end
    sum, stop = sum + width, last
  end
  return text:sub(1, stop), sum, text:sub(stop + 1)
end

--- What ends each style, by its parameter.
local ENDS <const> = { ["1"] = "22", ["2"] = "22", ["3"] = "23", ["4"] = "24", ["7"] = "27", ["9"] = "29" }

local ENDING <const> = {}
for _, stop in pairs(ENDS) do ENDING[stop] = true end
ENDING["39"], ENDING["49"] = true, true
local MAX_OPEN <const> = 64 -- styles that are remembered

--- What would end a style: "0", all of them, for what is none of ours or several at once; nil: it
--- ends one itself.
local function end_of(parameters)
  if ENDING[parameters] or parameters:find "^0*$" then return nil end
  if ENDS[parameters] then return ENDS[parameters] end
  local number <const> = tonumber(parameters) or tonumber(parameters:match "^([34]8);5;%d+$"
    or parameters:match "^([34]8);2;%d+;%d+;%d+$") or 0
  if number >= 30 and number <= 38 or number >= 90 and number <= 97 then return "39" end
  if number >= 40 and number <= 48 or number >= 100 and number <= 107 then return "49" end
  return "0"
end

--- The styles that are open at the end of a text, as the sequences that began them.
---@param text string
---@return string
local function open_styles(text)
  local begun, stops = {}, {}
  for parameters in text:gmatch "\27%[([%d;:]*)m" do
    local stop <const> = end_of(parameters)
    if stop then
      if #begun == MAX_OPEN then
        table.remove(begun, 1)
        table.remove(stops, 1)
      end
      begun[#begun + 1] = "\27[" .. parameters .. "m"
      stops[#stops + 1] = stop
    elseif parameters:find "^0*$" then
      begun, stops = {}, {}
    else
      for i = #stops, 1, -1 do
        if stops[i] == parameters then
          table.remove(begun, i)
          table.remove(stops, i)
        end
      end
    end
  end
  return table.concat(begun)
end

--- What ends the styles and links that are open at the end of a text.
local function ending(text)
  if not text:find("\27", 1, true) then return "" end
  local link <const> = text:match ".*\27%]8;[^;]*;([^\7\27]*)"
  return (link and link ~= "" and LINK_END or "") .. (open_styles(text) ~= "" and "\27[0m" or "")
end

--- Cut a text to so many cells.
---@param text string
---@param room integer
---@param mark? string  what tells that something is missing; "…"
---@return string
function cells.truncate(text, room, mark)
  mark = mark or "…"
  if cells.width(text) <= room then return text end
  local mark_width <const> = cells.width(mark)
  if mark_width > room then mark = "" end
  local start <const> = cells.split(text, room - (mark == "" and 0 or mark_width))
  return start .. mark .. ending(start)
end

--- A text without its escape sequences.
---@param text string
---@return string
function cells.strip(text)
  if not text:find("\27", 1, true) then return text end
  local parts <const> = {}
  for first, last, _, is_sequence in pieces(text) do
    if not is_sequence then parts[#parts + 1] = text:sub(first, last) end
  end
  return table.concat(parts)
end

--- Fill a text up with blanks to so many cells; a wider one stays as it is.
---@param text string
---@param room integer
---@param align? "left"|"right"|"center"
---@return string
function cells.pad(text, room, align)
  local missing <const> = room - cells.width(text)
  if missing <= 0 then return text end
  if align == "right" then return (" "):rep(missing) .. text end
  local before <const> = align == "center" and missing // 2 or 0
  return (" "):rep(before) .. text .. (" "):rep(missing - before)
end

--- One line broken at blanks, or anywhere where there are none, appended to the list.
local function wrap_line(line, room, list)
  local current, width = "", 0
  for blanks, word in line:gmatch "( *)([^ ]*)" do
    local word_width = cells.width(word)
    if width > 0 and width + #blanks + word_width <= room then
      current, width = current .. blanks .. word, width + #blanks + word_width
    elseif word ~= "" then
      if current ~= "" then list[#list + 1] = current end
      while word_width > room do
        local start <const>, _, rest <const> = cells.split(word, room)
        if start == "" then break end -- wider than the room
        list[#list + 1] = start
        word, word_width = rest, cells.width(rest)
      end
      current, width = word, word_width
    end
  end
  list[#list + 1] = current
end

--- Let styles end with their lines and go on in the next.
local function style_lines(list)
  local open = ""
  for i, line in ipairs(list) do
    line = open .. line
    open = open_styles(line)
    list[i] = line .. (open ~= "" and "\27[0m" or "")
  end
end

--- Break a text into lines of so many cells; its own lines stay lines.
---@param text string
---@param room integer  at least 1
---@return string[]
function cells.wrap(text, room)
  local list <const> = {}
  for line in (text .. "\n"):gmatch "(.-)\n" do
    if cells.width(line) <= room then list[#list + 1] = line else wrap_line(line, room, list) end
  end
  if text:find("\27[", 1, true) then style_lines(list) end
  return list
end

--- A text without what would steer the terminal: styles stay and end with it, other control
--- characters become blanks, lines stay lines if they may.  Bytes from 80 to 9F that are no part of
--- a character are control characters where the terminal has no UTF-8.
---@param text string
---@param lines? boolean
---@return string
function cells.clean(text, lines)
  if not text:find "[%c\x80-\x9F]" then return text end
  local parts <const> = {}
  for first, last, width, is_sequence in pieces(text) do
    local piece <const> = text:sub(first, last)
    local is_style <const> = is_sequence and piece:find "^\27%[[%d;:]*m$"
    if is_sequence and not is_style then
      parts[#parts + 1] = ""
    elseif first == last and piece:find "[\x80-\x9F]" then
      parts[#parts + 1] = " "
    elseif is_style or width > 0 or lines and piece == "\n" or first < last and not piece:find "^\xC2[\x80-\x9F]" then
      parts[#parts + 1] = piece
    else
      parts[#parts + 1] = " "
    end
  end
  local cleaned <const> = table.concat(parts)
  return cleaned .. ending(cleaned)
end

return cells
