--- lull.repl.edit.lua: what the editor knows of Lua: which brackets match, and how far a line is
--- indented.
local lua = {}

local OPENERS <const> = { ["("] = ")", ["["] = "]", ["{"] = "}" }
local CLOSERS <const> = { [")"] = true, ["]"] = true, ["}"] = true }
local STEP <const> = "  "

--- The end of the string or comment that begins at `at`; nil: none does.
local function quoted_end(text, at)
  local start <const> = text:sub(at, at)
  if start == '"' or start == "'" then
    local from = at + 1
    while true do
      local stop <const> = text:find("[\\\n" .. start .. "]", from)
      if not stop then return #text end
      if text:byte(stop) ~= 92 then return stop end
      from = stop + 2
    end
  end
  local equals <const>, body <const> = text:match("^%-?%-?%[(=*)%[()", at)
  if body and (start == "-") == (text:sub(at + 1, at + 1) == "-") then
    local _, stop <const> = text:find("]" .. equals .. "]", body, true)
    return stop or #text
  end
  if text:find("^%-%-", at) then return (text:find("\n", at, true) or #text + 1) - 1 end
  return nil
end

--- The bracket that matches the one at a byte, outside of strings and comments.
---@param text string
---@param wanted integer
---@return integer?
function lua.match(text, wanted)
  local open <const>, at = {}, 1
  while true do
    at = text:find("[%(%)%[%]{}\"'%-]", at)
    if not at then return nil end
    local letter <const> = text:sub(at, at)
    local stop <const> = quoted_end(text, at)
    if stop then
      if wanted <= stop and wanted >= at then return nil end
      at = stop
    elseif OPENERS[letter] then
      open[#open + 1] = at
    elseif CLOSERS[letter] then
      local opener <const> = table.remove(open)
      local fits <const> = opener and OPENERS[text:sub(opener, opener)] == letter
      if at == wanted then return fits and opener or nil end
      if opener == wanted then return fits and at or nil end
    end
    at = at + 1
  end
end

--- The byte of the bracket that the cursor is behind, or else on.
---@param text string
---@param cursor integer
---@return integer?
function lua.bracket(text, cursor)
  if CLOSERS[text:sub(cursor, cursor)] then return cursor end
  local following <const> = text:sub(cursor + 1, cursor + 1)
  if OPENERS[following] or CLOSERS[following] then return cursor + 1 end
  return nil
end

--- The blanks that a line begins with that follows this one.
---@param line string  up to where it is broken
---@return string
function lua.indentation(line)
  local blanks <const>, code <const> = line:match "^([ \t]*)(.-)%s*$"
  local opens <const> = code:find "[%({]$" or code:find "%f[%w_]function[^%)]*%b()$"
    or code:find "%f[%w_]then$" or code:find "%f[%w_]do$" or code:find "%f[%w_]else$"
    or code:find "%f[%w_]repeat$"
  if opens and not code:find "%-%-" then return blanks .. STEP end
  return blanks
end

local ENDS <const> = { ["end"] = true, ["else"] = true, ["elseif"] = true, ["until"] = true,
  ["}"] = true, [")"] = true }

--- How many blanks to take away now that a line says this: it closes what a line above opened.
---@param line string  up to the cursor
---@return integer
function lua.surplus(line)
  local blanks <const>, word <const> = line:match "^( +)(%S+)$"
  return blanks and ENDS[word] and math.min(#blanks, #STEP) or 0
end

lua.STEP = STEP

return lua
