--- lull.repl.scan: what the prompt must know about a chunk before it compiles it.
--
-- Two things: which names occur in it at all, and which locals its top level
-- declares, with the place where each declaration is over.  The text compiles, so
-- this need not understand Lua: it tells tokens apart, skips what is nested, and
-- knows which token cannot continue an expression.

local ipairs <const> = ipairs

---@class lull.repl.Token
---@field kind "name"|"word"|"value"|"operator"|"end"
---@field text string  of names, words and operators; "" for values
---@field first integer
---@field last integer

---@class lull.repl.Declaration
---@field names string[]
---@field const table<string, true>  those that cannot be assigned
---@field stop integer  position of the last byte of the statement

---@class lull.repl.Outline
---@field names table<string, true>  every name in the text, whatever it stands for
---@field locals lull.repl.Declaration[]  of the top level, in order

local kinds <const> = {}
for word in ([[break do else elseif end for function goto if in local repeat return then until
    while]]):gmatch "%a+" do
  kinds[word] = "word"
end
for word in ("and or not"):gmatch "%a+" do kinds[word] = "operator" end
for word in ("nil true false"):gmatch "%a+" do kinds[word] = "value" end

local opens <const> = { ["("] = true, ["["] = true, ["{"] = true,
  ["function"] = true, ["if"] = true, ["do"] = true, ["repeat"] = true }
local closes <const> = { [")"] = true, ["]"] = true, ["}"] = true, ["end"] = true, ["until"] = true }

--- The end of a string with quotes that begins at `first`.
local function quoted(text, first)
  local quote <const>, at = text:sub(first, first), first + 1
  while true do
    local stop <const> = text:find("[\\" .. quote .. "]", at)
    if not stop then return #text end
    if text:sub(stop, stop) == quote then return stop end
    at = stop + 2
  end
end

--- The end of a long string or comment whose brackets begin at `first`; nil: none begins.
local function bracketed(text, first)
  local level <const> = text:match("^%[(=*)%[", first)
  if not level then return nil end
  local _, last = text:find("]" .. level .. "]", first, true)
  return last or #text
end

--- The position of the next token, past blanks and comments; nil at the end.
local function skip_blanks(text, at)
  while true do
    at = text:find("%S", at)
    if not at or text:sub(at, at + 1) ~= "--" then return at end
    local last <const> = bracketed(text, at + 2) or text:find("[\r\n]", at)
    if not last then return nil end
    at = last + 1
  end
end

---@return string kind, integer last
local function classify(text, first)
  local _, last = text:find("^[%a_][%w_]*", first)
  if last then return kinds[text:sub(first, last)] or "name", last end
  _, last = text:find("^%.?%d[%w.]*", first)
  if last then return "value", last end
  if text:find("^[\"']", first) then return "value", quoted(text, first) end
  last = bracketed(text, first)
  if last then return "value", last end
  if text:find("^%.%.%.", first) then return "value", first + 2 end
  -- of the longer operators only this one must not be taken for two
  return "operator", text:find("^::", first) and first + 1 or first
end

---@return lull.repl.Token[]  the last one has the kind "end"
local function tokens_of(text)
  local tokens <const>, at = {}, 1
  while true do
    local first <const> = skip_blanks(text, at)
    if not first then break end
    local kind <const>, last = classify(text, first)
    tokens[#tokens + 1] = { kind = kind, first = first, last = last,
      text = kind == "value" and "" or text:sub(first, last) }
    at = last + 1
  end
  tokens[#tokens + 1] = { kind = "end", text = "", first = #text + 1, last = #text }
  return tokens
end

--- Past the bracket or block that opens at token i.
local function skip_nested(tokens, i)
  local depth = 0
  repeat
    local text <const> = tokens[i].text
    if opens[text] then
      depth = depth + 1
    elseif closes[text] then
      depth = depth - 1
    end
    i = i + 1
  until depth == 0 or tokens[i].kind == "end"
  return i
end

--- Past the list of expressions that starts at token i: to what cannot continue it.
local function skip_expressions(tokens, i)
  local complete = false -- is what was read a whole expression?
  while tokens[i].kind ~= "end" do
    local token <const> = tokens[i]
    if complete and (token.kind == "name" or token.kind == "word" or token.text == ";"
          or token.text == "::") then
      break
    elseif opens[token.text] then
      i, complete = skip_nested(tokens, i), true
    else
      i, complete = i + 1, token.kind ~= "operator"
    end
  end
  return i
end

--- Note the declaration whose `local` is token i; past its end.
local function declaration(tokens, i, locals)
  local found <const> = { names = {}, const = {} }
  locals[#locals + 1] = found
  i = i + 1
  if tokens[i].text == "function" then
    found.names[1] = tokens[i + 1].text
    i = skip_nested(tokens, i)
  else
    local more
    repeat
      local name <const> = tokens[i].text
      found.names[#found.names + 1] = name
      i = i + 1
      if tokens[i].text == "<" then -- <const> or <close>
        found.const[name] = true
        i = i + 3
      end
      more = tokens[i].text == ","
      if more then i = i + 1 end
    until not more
    if tokens[i].text == "=" then i = skip_expressions(tokens, i + 1) end
  end
  found.stop = tokens[i - 1].last
  return i
end

--- Outline a chunk that compiles.
---@param text string
---@return lull.repl.Outline
local function scan(text)
  local outline <const> = { names = {}, locals = {} }
  local tokens <const> = tokens_of(text)
  for _, token in ipairs(tokens) do
    if token.kind == "name" then outline.names[token.text] = true end
  end
  local i = 1
  while tokens[i].kind ~= "end" do
    if tokens[i].text == "local" then
      i = declaration(tokens, i, outline.locals)
    elseif opens[tokens[i].text] then
      i = skip_nested(tokens, i)
    else
      i = i + 1
    end
  end
  return outline
end

return scan
