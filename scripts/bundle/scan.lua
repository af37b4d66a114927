--- lull.bundle.scan: which modules a script names in constant calls of require.
---
--- A scan of tokens: comments and strings are passed over, nothing is run.  `require "x"`,
--- `require("x")` and `pcall(require, "x")` count, with any kind of string.

---@class lull.bundle.Need
---@field name? string     nil: it is computed, so nobody knows
---@field line integer
---@field optional boolean in a pcall

--- Where a string that begins at `at` ends, and what is in it; nil: none begins there.
local function string_at(text, at)
  local quote <const> = text:match("^[\"']", at)
  if not quote then
    local level <const> = text:match("^%[(=*)%[", at)
    if not level then return nil end
    local _, last = text:find("]" .. level .. "]", at, true)
    last = last or #text
    return last, text:sub(at + #level + 2, last - #level - 2)
  end
  local i = at + 1
  while true do
    local stop <const> = text:find("[\\\n" .. quote .. "]", i)
    if not stop then return #text end
    local what <const> = text:sub(stop, stop)
    if what == "\\" then
      i = stop + 2
    else
      return stop, text:sub(at + 1, stop - 1)
    end
  end
end

--- Where a comment that begins at `at` ends; nil: none begins there.
local function comment_at(text, at)
  if not text:find("^%-%-", at) then return nil end
  if text:find("^%[=*%[", at + 2) then return (string_at(text, at + 2)) end
  return (text:find("\n", at, true) or #text + 1) - 1
end

--- The first place from `at` on with something in it.
local function skip(text, at)
  while true do
    at = text:find("%S", at) or #text + 1
    local last <const> = comment_at(text, at)
    if not last then return at end
    at = last + 1
  end
end

--- What is required by the `require` that ends before `at`, and whether in a pcall: a name, true
--- (computed), or nil (it is not called here).
local function argument(text, at)
  at = skip(text, at)
  local optional <const> = text:find("^,", at) ~= nil
  local in_call <const> = optional or text:find("^%(", at) ~= nil
  if in_call then at = skip(text, at + 1) end
  local last <const>, value <const> = string_at(text, at)
  if not last then
    return in_call and not optional and not text:find("^%)", at) or nil, optional
  end
  local after <const> = skip(text, last + 1)
  local is_constant <const> = value and not value:find("\\", 1, true)
    and not (in_call and not text:find("^[,)]", after))
  return is_constant and value or true, optional
end

---@param text string  Lua source
---@return lull.bundle.Need[]
return function(text)
  local needs <const>, at, line, counted = {}, 1, 1, 1
  while true do
    at = text:find("[%a_\"'%[%-]", at)
    if not at then return needs end
    local last = comment_at(text, at) or string_at(text, at)
    if not last then
      local word <const> = text:match("^[%w_]+", at)
      last = word and at + #word - 1 or at
      local before <const> = text:sub(math.max(1, at - 80), at - 1)
      local is_member <const> = before:find("[:]%s*$") or before:find("[^.]%.%s*$")
      local called <const> = before:find("function%s+$") == nil
      if word == "require" and not is_member and called then
        local name <const>, optional <const> = argument(text, last + 1)
        if name then
          for _ in text:sub(counted, at):gmatch "\n" do line = line + 1 end
          counted = at + 1
          needs[#needs + 1] = { name = name ~= true and name or nil, line = line, optional = optional }
        end
      end
    end
    at = last + 1
  end
end
