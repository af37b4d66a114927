--- lull.term.color: styles for text, as far as the terminal has them.
--
-- What a stream takes is a number of colours: 0 (plain text), 16, 256 or 2^24.  FORCE_COLOR
-- decides where it is set (0: plain, 1: 16, 2: 256, 3: all); then NO_COLOR, if it is not empty;
-- then whether the stream is a terminal, and TERM and COLORTERM.
local core = require "lull.core"
local tty = require "lull.tty.native"

local color = {}

local FORCED <const> = { ["0"] = 0, ["false"] = 0, ["2"] = 256, ["3"] = 1 << 24 }

--- An environment variable; nil also where asking is not allowed.
local function variable(name)
  local ok <const>, value <const> = pcall(os.getenv, name)
  return ok and value or nil
end

--- Is a descriptor a terminal that this script writes to?
---@param fd integer
---@return boolean
function color.is_terminal(fd)
  if fd > 0 and core.outlets() then return false end -- the host prints
  local ok <const>, is_terminal <const> = pcall(tty.is_terminal, fd)
  return ok and is_terminal
end

--- How many colours what is written to a descriptor may have.
---@param fd integer
---@return integer
function color.detect(fd)
  local forced <const> = variable "FORCE_COLOR"
  if forced then return FORCED[forced] or 16 end
  if (variable "NO_COLOR" or "") ~= "" then return 0 end
  local term <const> = variable "TERM"
  if not color.is_terminal(fd) or not term or term == "dumb" then return 0 end
  local more <const> = variable "COLORTERM"
  if more == "truecolor" or more == "24bit" then return 1 << 24 end
  return term:find("256", 1, true) and 256 or 16
end

local names <const> = { black = 0, red = 1, green = 2, yellow = 3, blue = 4, magenta = 5, cyan = 6,
  white = 7, gray = 8 }
for name, number in pairs { red = 9, green = 10, yellow = 11, blue = 12, magenta = 13, cyan = 14,
  white = 15 } do
  names["bright_" .. name] = number
end

--- The styles that are no colours: what begins and ends them.
color.styles = { bold = { "1", "22" }, dim = { "2", "22" }, italic = { "3", "23" },
  underline = { "4", "24" }, inverse = { "7", "27" }, strike = { "9", "29" } }

--- The nearest of the 256 colours.
local function to_256(r, g, b)
  if r == g and g == b then
    if r < 8 then return 16 elseif r > 248 then return 231 end
    return 232 + math.min((r - 3) // 10, 23)
  end
  return 16 + 36 * ((r * 5 + 127) // 255) + 6 * ((g * 5 + 127) // 255) + (b * 5 + 127) // 255
end

--- Red, green and blue of one of the 256 colours from 16 on.
local function from_256(number)
  if number >= 232 then
    local v <const> = 8 + 10 * (number - 232)
    return v, v, v
  end
  local index <const> = number - 16
  local function level(n) return n == 0 and 0 or 55 + 40 * n end
  return level(index // 36), level(index // 6 % 6), level(index % 6)
end

--- The nearest of the first 16.
local function to_16(r, g, b)
  local top <const> = math.max(r, g, b)
  if top < 64 then return 0 end
  local function bit(v, value) return v * 2 > top and value or 0 end
  local number <const> = bit(r, 1) + bit(g, 2) + bit(b, 4)
  if number == 7 then return top > 200 and 15 or top > 140 and 7 or 8 end
  return number + (top > 200 and 8 or 0)
end

--- What is said of a colour that is none.
local EXPECTED <const> = 'a colour is a name, 0 to 255, or "#rrggbb"'

--- A colour as a number up to 255, or as red, green and blue; nil and why: it is none.
---@param value string|integer
---@return integer?, integer|string|nil, integer?
local function parse(value)
  if type(value) == "string" then
    local r <const>, g <const>, b <const> = value:match "^#(%x%x)(%x%x)(%x%x)$"
    if r then return tonumber(r, 16), tonumber(g, 16), tonumber(b, 16) end
    if names[value] then return names[value] end
  end
  local number <const> = math.type(value) == "integer" and value or nil
  if number and number >= 0 and number <= 255 then return number end
  return nil, EXPECTED
end

--- What begins a colour.
---@param value string|integer
---@param count integer  of colours that there are, more than 0
---@param behind boolean  of the background
---@return string? parameters  nil: it is no colour
---@return string? why
function color.parameters(value, count, behind)
  local r, g, b = parse(value)
  if not r then return nil, g end
  if b and count <= 256 then
    if count == 256 then r, b = to_256(r, g, b), nil else r, b = to_16(r, g, b), nil end
  elseif not b and r > 15 and count < 256 then
    r = to_16(from_256(r))
  end
  if b then return ("%d;2;%d;%d;%d"):format(behind and 48 or 38, r, g, b) end
  if r < 8 then return tostring((behind and 40 or 30) + r) end
  if r < 16 then return tostring((behind and 100 or 90) + r - 8) end
  return ("%d;5;%d"):format(behind and 48 or 38, r)
end

--- A text in a style; where one inside it of the same sort ends, this one goes on.
---@param text string
---@param begin string
---@param stop string
---@return string
function color.wrap(text, begin, stop)
  if text == "" then return text end
  local open <const>, close <const> = "\27[" .. begin .. "m", "\27[" .. stop .. "m"
  if text:find(close, 1, true) then
    text = text:gsub("\27%[" .. stop .. "m", close .. open)
  end
  return open .. text .. close
end

return color
