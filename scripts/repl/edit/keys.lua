--- lull.repl.edit.keys: from the bytes that a terminal sends to keys.
--
-- A key is a name, "left", "ctrl-a", "alt-enter", or text: `{ key = "text", text = "ab" }`;
-- `{ key = "paste", text = ... }` is what was pasted.  Sequences and characters may be cut
-- anywhere.  What is not known, and what answers a question nobody asked, is dropped.
--
-- An escape alone is only told by what does not follow it: while `waiting()`, call `settle` when
-- nothing has come for a moment.
local keys = {}

local byte <const>, sub <const>, find <const> = string.byte, string.sub, string.find

--- A sequence that is longer than this is none.
local MAX_SEQUENCE <const> = 64
local MAX_ANSWER <const> = 4096
local PASTE_END <const> = "\27[201~"

local LETTERS <const> = { A = "up", B = "down", C = "right", D = "left", E = "begin", F = "end",
  H = "home", M = "enter", P = "f1", Q = "f2", R = "f3", S = "f4", Z = "shift-tab",
  a = "shift-up", b = "shift-down", c = "shift-right", d = "shift-left" }
local NUMBERS <const> = { [1] = "home", [2] = "insert", [3] = "delete", [4] = "end", [5] = "pageup",
  [6] = "pagedown", [7] = "home", [8] = "end" }
local CODES <const> = { [8] = "backspace", [9] = "tab", [10] = "enter", [13] = "enter",
  [27] = "escape", [32] = "space", [127] = "backspace" }
local RXVT <const> = { a = "ctrl-up", b = "ctrl-down", c = "ctrl-right", d = "ctrl-left" }

--- A control character by name.
local function control(code)
  if CODES[code] then return CODES[code] end
  if code == 0 then return "ctrl-space" end
  return "ctrl-" .. string.char(code + 64):lower()
end

--- A key with the modifiers of a sequence's parameter: 1, and 1 shift, 2 alt, 4 ctrl.
local function modified(name, parameter)
  local bits <const> = (parameter or 1) - 1
  if not name or bits <= 0 then return name end
  if bits & 1 ~= 0 and name == "tab" then return "shift-tab" end
  return (bits & 4 ~= 0 and "ctrl-" or "") .. (bits & 2 ~= 0 and "alt-" or "")
    .. (bits & 1 ~= 0 and "shift-" or "") .. name
end

--- A character with modifiers, as terminals tell that are asked to tell all.
local function coded(code, parameter)
  if not code then return nil end
  local bits <const> = (parameter or 1) - 1
  if CODES[code] and code ~= 32 then return modified(CODES[code], parameter) end
  if code < 32 or code > 126 then return nil end
  local letter <const> = string.char(code)
  if bits & 4 ~= 0 then return (bits & 2 ~= 0 and "alt-" or "") .. "ctrl-" .. letter:lower() end
  return bits & 2 ~= 0 and "alt-" .. letter or nil
end

--- The key of a control sequence; nil: none of ours.
local function sequence_key(parameters, final)
  local first <const>, second <const>, third <const> = parameters:match "^(%d*);?(%d*)[:%d]*;?(%d*)"
  local number <const> = tonumber(first)
  if final == "~" then
    if number == 27 then return coded(tonumber(third), tonumber(second)) end
    return modified(NUMBERS[number], tonumber(second))
  elseif final == "^" then
    return NUMBERS[number] and "ctrl-" .. NUMBERS[number]
  elseif final == "u" then
    return coded(number, tonumber(second))
  elseif final == "R" and second ~= "" or parameters:find "^[<=>?]" then
    return nil -- where the cursor is, and other answers
  end
  return modified(LETTERS[final], tonumber(second))
end

---@class lull.repl.Keys
---@field rest string     of the bytes, that is no key yet
---@field paste table?    what has come of what is pasted
---@field pasted integer  bytes of it
---@field max_paste integer
local Keys <const> = {}
Keys.__index = Keys

--- The end of a string from the terminal, an answer to a question: to be dropped.
local function answer_end(rest, at)
  local bell <const> = find(rest, "\7", at, true)
  local _, stop <const> = find(rest, "\27\\", at, true)
  if bell and (not stop or bell < stop) then return bell end
  if not stop and #rest - at > MAX_ANSWER then return #rest end
  return stop
end

--- The control sequence at `at`, of which "ESC [" is behind: its last byte and its key.
local function control_sequence(rest, at)
  if sub(rest, at, at) == "[" then -- the function keys of Linux' console
    return #rest > at and at + 1 or nil, nil
  end
  local stop <const> = find(rest, "[^0-?]", at)
  if not stop then return #rest - at > MAX_SEQUENCE and #rest or nil, nil end
  local final <const> = find(rest, "[^ -/]", stop)
  if not final then return #rest - at > MAX_SEQUENCE and #rest or nil, nil end
  local letter <const> = sub(rest, final, final)
  if not letter:find "[@-~]" then return final - 1, nil end -- broken off
  if final ~= stop then return final, nil end
  local parameters <const> = sub(rest, at, stop - 1)
  if letter == "~" and parameters == "200" then return final, "paste" end
  return final, sequence_key(parameters, letter)
end

--- What the escape at `at` begins: its last byte (nil: more is to come) and its key.
local function escaped(rest, at)
  local following <const> = byte(rest, at + 1)
  if not following then return nil end
  local letter <const> = string.char(following)
  if letter == "[" then
    if #rest == at + 1 then return nil end
    return control_sequence(rest, at + 2)
  elseif letter == "O" then
    local modifier <const>, final <const> = rest:match("^(%d?)([@-~])", at + 2)
    if not final then return #rest > at + 2 and at + 1 or nil, nil end
    local name <const> = RXVT[final] or LETTERS[final]
    return at + 1 + #modifier + 1, modified(name, tonumber(modifier))
  elseif letter == "]" or letter == "P" or letter == "_" or letter == "^" or letter == "X" then
    if #rest == at + 1 then return nil end
    return answer_end(rest, at + 2), nil
  elseif letter == "\27" then
    local stop <const>, key <const> = escaped(rest, at + 1)
    if not stop then return nil end
    return stop, key and key ~= "paste" and "alt-" .. key or key
  elseif following < 32 or following == 127 then
    return at + 1, "alt-" .. control(following)
  end
  return at + 1, following < 128 and "alt-" .. letter or nil
end

--- The bytes at the end that may begin a character.
local function cut_character(text)
  local at <const> = find(text, "[\xC2-\xF4][\x80-\xBF]?[\x80-\xBF]?$")
  if not at then return 0 end
  local first <const> = byte(text, at)
  local wanted <const> = first >= 0xF0 and 4 or first >= 0xE0 and 3 or 2
  local count <const> = #text - at + 1
  return count < wanted and count or 0
end

--- Collect what is pasted; the index of the first byte behind it.
function Keys:_collect(rest, at, list)
  local first <const>, last <const> = find(rest, PASTE_END, at, true)
  local stop = first
  if not first then -- the end may have begun
    stop = #rest + 1
    for count = math.min(#PASTE_END - 1, #rest - at + 1), 1, -1 do
      if sub(rest, -count) == sub(PASTE_END, 1, count) then
        stop = #rest + 1 - count
        break
      end
    end
  end
  local room <const> = self.max_paste - self.pasted
  local piece <const> = sub(rest, at, math.min(stop - 1, at + room - 1))
  self.paste[#self.paste + 1] = piece
  self.pasted, self.lost = self.pasted + #piece, self.lost + stop - at - #piece
  if not first then return stop end
  list[#list + 1] = { key = "paste", text = table.concat(self.paste), lost = self.lost }
  self.paste = nil
  return last + 1
end

--- Take text from `at`; the index behind it.
local function take_text(rest, at, list, all)
  local stop = (find(rest, "[%z\1-\31\127]", at) or #rest + 1) - 1
  if stop == #rest and not all then stop = stop - cut_character(sub(rest, math.max(at, stop - 3), stop)) end
  if stop >= at then list[#list + 1] = { key = "text", text = sub(rest, at, stop) } end
  return stop + 1
end

--- Take what has come.
---@param bytes string
---@return { key: string, text: string?, lost: integer? }[]
function Keys:feed(bytes)
  local rest <const>, list <const>, at = self.rest .. bytes, {}, 1
  while at <= #rest do
    local code <const> = byte(rest, at)
    if self.paste then
      local following <const> = self:_collect(rest, at, list)
      at = following
      if self.paste then break end
    elseif code == 27 then
      local stop <const>, key <const> = escaped(rest, at)
      if not stop then break end
      at = stop + 1
      if key == "paste" then
        self.paste, self.pasted, self.lost = {}, 0, 0
      elseif key then
        list[#list + 1] = { key = key }
      end
    elseif code < 32 or code == 127 then
      list[#list + 1] = { key = control(code) }
      at = at + 1
    else
      local following <const> = take_text(rest, at, list, false)
      if following <= #rest and byte(rest, following) >= 128 then
        at = following
        break
      end
      at = following
    end
  end
  self.rest = sub(rest, at)
  return list
end

--- Is a sequence or a character cut?
---@return boolean
function Keys:waiting()
  return self.rest ~= "" and not self.paste
end

--- Nothing has followed: take what there is as it is.
---@return { key: string, text: string? }[]
function Keys:settle()
  local rest <const>, list <const> = self.rest, {}
  if not self:waiting() then return list end
  self.rest = ""
  local letter <const> = rest:match "^\27([%[%]OPX^_])$"
  if rest:find "^\27+$" then
    list[1] = { key = "escape" }
  elseif letter then
    list[1] = { key = "alt-" .. letter }
  elseif byte(rest) ~= 27 then
    take_text(rest, 1, list, true)
  end
  return list
end

--- Make a parser.
---@param max_paste integer  bytes; what is pasted beyond is counted and dropped
---@return lull.repl.Keys
function keys.new(max_paste)
  return setmetatable({ rest = "", max_paste = max_paste, pasted = 0, lost = 0 }, Keys)
end

return keys
