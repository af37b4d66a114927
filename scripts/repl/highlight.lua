--- lull.repl.highlight: which bytes of Lua text have which style, while it is typed.
--
-- The text may be anything: what is not finished goes to its end.
local select <const>, tonumber <const> = select, tonumber

local highlight = {}

local COMMENT <const>, STRING <const>, NUMBER <const> = "dim", "green", "yellow"
local WORD <const>, CONSTANT <const>, CALL <const>, BAD <const> = "blue", "magenta", "cyan", "red"

local words <const> = {}
for word in ([[and break do else elseif end for function goto if in local not or repeat return then
    until while]]):gmatch "%a+" do
  words[word] = WORD
end
for word in ("nil true false self _ENV"):gmatch "[%a_]+" do words[word] = CONSTANT end

--- The end of a string in quotes; is it closed?
local function quoted(text, first)
  local quote <const>, at = text:sub(first, first), first + 1
  while true do
    local stop <const> = text:find("[\\\n" .. quote .. "]", at)
    if not stop then return #text, false end
    local letter <const> = text:sub(stop, stop)
    if letter == quote then return stop, true end
    if letter == "\n" then return stop - 1, false end
    at = text:find("^z%s*", stop + 1) and select(2, text:find("^z%s*", stop + 1)) + 1 or stop + 2
  end
end

--- The end of brackets that begin at `first`; nil: none do.
local function long(text, first)
  local level <const> = text:match("^%[(=*)%[", first)
  if not level then return nil end
  local _, last = text:find("]" .. level .. "]", first, true)
  return last or #text
end

--- What begins at `at`, no blank: its last byte and style.
---@return integer last
---@return string? style
local function token(text, at)
  local _, last = text:find("^[%a_][%w_]*", at)
  if last then
    local style <const> = words[text:sub(at, last)]
    return last, style or (text:find("^%s*[%(\"'{]", last + 1) and CALL or nil)
  end
  if text:find("^%-%-", at) then
    return long(text, at + 2) or (text:find("\n", at, true) or #text + 1) - 1, COMMENT
  end
  if text:find("^[\"']", at) then
    local stop <const>, closed <const> = quoted(text, at)
    return stop, (closed or stop == #text) and STRING or BAD
  end
  last = long(text, at)
  if last then return last, STRING end
  _, last = text:find("^0[xX][%x%.]*[pP]?[%+%-]?%x*", at)
  if not last then _, last = text:find("^%.?%d[%d%.]*[eE]?", at) end
  if last then
    if text:find("^[eE]", last) then _, last = text:find("^[%+%-]?%d*", last + 1) end
    local _, rest <const> = text:find("^[%w_]+", last + 1)
    return rest or last, tonumber(text:sub(at, rest or last)) and NUMBER or rest and BAD or NUMBER
  end
  return at, nil
end

--- The spans of a text that have a style, in order: first and last byte, style.
---@param text string
---@return { [1]: integer, [2]: integer, [3]: string }[]
function highlight.spans(text)
  local spans <const> = {}
  local _, command <const> = text:find "^%s*%.%a+"
  if command then spans[1] = { 1, command, "bold" } end
  local at = text:find("%S", (command or 0) + 1)
  while at do
    local last <const>, style <const> = token(text, at)
    if style then spans[#spans + 1] = { at, last, style } end
    at = text:find("%S", last + 1)
  end
  return spans
end

return highlight
