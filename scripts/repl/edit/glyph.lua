--- lull.repl.edit.glyph: the units that a text is edited and shown in.
--
-- A glyph is a character with what combines with it, or the two letters of a flag, and shows as one
-- thing: the cursor does not go inside.  Its width is the sum of the widths of its characters, as
-- wcwidth has them.  What would steer the terminal is shown by name: ^X, <202E>, and \xFF for a byte
-- that is no UTF-8.
local glyph = {}

local byte <const>, sub <const>, format <const> = string.byte, string.sub, string.format
local length <const>, decode <const> = utf8.len, utf8.codepoint
local JOINER <const> = 0x200D
local MAX_BYTES <const> = 128 -- of one glyph: what combines with it may have no end

glyph.TAB = 4 -- cells

local wide -- the widths, loaded for the first character that is not Latin

--- The cells of a character.
local function cells_of(code)
  if code < 0x300 then return 1 end
  wide = wide or require "lull.term.wide"
  return wide(code)
end

--- The names of characters without a picture that are not just combined with the one before.
local function named(code)
  local is_hidden <const> = code >= 0x80 and code < 0xA0 or code == 0x61C or code == 0x200E or code == 0x200F
    or code >= 0x202A and code <= 0x202E or code >= 0x2066 and code <= 0x2069
  return is_hidden and format("<%04X>", code) or nil
end

--- The bytes of the character that begins at `at`, which is no ASCII, and its code; 1 for a byte
--- that is no UTF-8.
local function character(text, at)
  local first <const> = byte(text, at)
  local count <const> = first >= 0xF0 and 4 or first >= 0xE0 and 3 or first >= 0xC2 and 2 or 1
  if count == 1 or not length(text, at, at) then return 1, nil end
  return count, decode(text, at)
end

--- Is this a letter of a flag, of which two make one?
local function is_flag(code)
  return code and code >= 0x1F1E6 and code <= 0x1F1FF
end

--- The end of what combines with the character before `at`, and its cells.
local function combined(text, at, joined)
  local width, limit <const> = 0, at + MAX_BYTES
  while at <= limit do
    local first <const> = byte(text, at)
    if not first or first < 0xCC and not joined or first < 0x80 then break end
    local count <const>, code <const> = character(text, at)
    if not code or named(code) then break end
    local more <const> = cells_of(code)
    if more > 0 and not joined then break end
    joined = code == JOINER
    width, at = width + more, at + count
  end
  return at, width
end

--- The glyph that begins at a byte.
---@param text string
---@param at integer  not behind the end
---@return integer next   the byte behind it
---@return integer width  cells
---@return string picture what shows it
---@return boolean plain  it shows itself
function glyph.at(text, at)
  local first <const> = byte(text, at)
  local stop, width
  if first < 128 then
    if first == 9 then return at + 1, glyph.TAB, "    ", true end
    if first < 32 or first == 127 then return at + 1, 2, "^" .. string.char(first ~ 64), false end
    stop, width = at + 1, 1
    local following <const> = byte(text, stop)
    if not following or following < 0xCC then return stop, 1, sub(text, at, at), true end
  else
    local count <const>, code <const> = character(text, at)
    if not code then return at + 1, 4, format("\\x%02X", first), false end
    local name <const> = named(code)
    if name then return at + count, #name, name, false end
    stop, width = at + count, cells_of(code)
    if width == 0 then -- there is nothing for it to combine with
      return stop, 1, "\u{25CC}" .. sub(text, at, stop - 1), true
    elseif is_flag(code) and byte(text, stop) == first and is_flag(select(2, character(text, stop))) then
      stop, width = stop + count, 2 * width
    end
  end
  local more
  stop, more = combined(text, stop, false)
  return stop, width + more, sub(text, at, stop - 1), true
end

--- Does a glyph begin at this byte, as far as the bytes around it tell?  No glyph goes on
--- behind ASCII.
local function search_start(text, position)
  local start = position
  local limit <const> = position - 2 * MAX_BYTES
  while start > 1 and start > limit do
    if byte(text, start) < 128 then return start end
    start = start - 1
  end
  return start
end

--- The byte at which the glyph begins that ends at `position`.
---@param text string
---@param position integer  bytes before the cursor, more than 0
---@return integer
function glyph.before(text, position)
  local last <const> = byte(text, position)
  if last < 128 then return position end
  local at = search_start(text, position)
  while true do
    local stop <const> = glyph.at(text, at)
    if stop > position then return at end
    at = stop
  end
end

--- The cells of a text without newlines.
---@param text string
---@return integer
function glyph.width(text)
  if not text:find "[^ -~]" then return #text end
  local sum, at = 0, 1
  while at <= #text do
    local stop <const>, width <const> = glyph.at(text, at)
    sum, at = sum + width, stop
  end
  return sum
end

return glyph
