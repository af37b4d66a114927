--- lull.repl.edit.commands: what the keys do.
--
-- A command gets the editor and its buffer; it sets `editor.this` where the command after it
-- wants to know what it was.
local lua = require "lull.repl.edit.lua"

local commands = {}

-- ---- moving ----

--- Take what the hint says, or a word of it; false: there is none.
local function take_hint(editor, buffer, word)
  local hint = editor:hint()
  if not hint then return false end
  if word then hint = hint:match "^[^%w_\x80-\xFF]*[%w_\x80-\xFF]*" end
  buffer:seal()
  buffer:insert(hint)
  return true
end

local function to_end(editor, buffer)
  if buffer.cursor == #buffer.text and take_hint(editor, buffer) then return end
  local _, last <const> = buffer:line()
  buffer.cursor = last
end

local function right(editor, buffer)
  if buffer.cursor < #buffer.text or not take_hint(editor, buffer) then buffer.cursor = buffer:right() end
end

local function word_right(editor, buffer)
  if buffer.cursor < #buffer.text or not take_hint(editor, buffer, true) then
    buffer.cursor = buffer:word_right()
  end
end

--- Up or down a line, and beyond the first and last one through the history.
local function vertical(direction)
  return function(editor, buffer)
    local goes_on <const> = editor.last == "vertical"
    local position <const>, column <const> = buffer:vertical(direction, goes_on and editor.goal or nil)
    if position then
      buffer.cursor, editor.goal, editor.this = position, column, "vertical"
    else
      editor.past:walk(buffer, direction)
    end
  end
end

local function home(_, buffer) buffer.cursor = buffer:line() - 1 end
local function left(_, buffer) buffer.cursor = buffer:left() end
local function word_left(_, buffer) buffer.cursor = buffer:word_left() end

-- ---- deleting ----

local function backspace(_, buffer)
  if buffer.cursor == 0 then return end
  local first <const> = buffer:line()
  local before <const> = buffer.text:sub(first, buffer.cursor)
  local step <const> = #lua.STEP
  if before:find "^ +$" and #before % step == 0 then -- an indentation at once
    buffer:delete(buffer.cursor - step, "erase")
  else
    buffer:delete(buffer:left(), "erase")
  end
end

local function delete(_, buffer) buffer:delete(buffer:right(), "erase") end

local function kill(target)
  return function(editor, buffer)
    buffer:kill(target(buffer), editor.last == "kill")
    editor.this = "kill"
  end
end

local kill_to_end <const> = kill(function(buffer)
  local _, last <const> = buffer:line()
  return last > buffer.cursor and last or math.min(last + 1, #buffer.text) -- or the newline
end)
local kill_to_start <const> = kill(function(buffer)
  local first <const> = buffer:line()
  return first <= buffer.cursor and first - 1 or math.max(buffer.cursor - 1, 0)
end)
local kill_word <const> = kill(function(buffer) return buffer:word_right() end)
local kill_word_left <const> = kill(function(buffer) return buffer:word_left() end)
local kill_blank_word <const> = kill(function(buffer) return buffer:word_left(true) end)

local function yank(editor, buffer)
  editor:too_long(buffer:yank())
  editor.this = "yank"
end

local function yank_before(editor, buffer)
  if editor.last ~= "yank" then return end
  buffer:yank_before()
  editor.this = "yank"
end

-- ---- text ----

local function text(editor, buffer, event)
  local piece <const> = event.text
  if piece:find "^%s" and not buffer.text:sub(buffer.cursor, buffer.cursor):find "%s" then buffer:seal() end
  editor:too_long(buffer:insert(piece, "text"))
  if editor.options.indent == false or #piece > 1 then return end
  local surplus <const> = lua.surplus(buffer.text:sub(buffer:line(), buffer.cursor))
  if surplus > 0 then
    local first <const>, cursor <const> = buffer:line(), buffer.cursor
    buffer:replace(first, first + surplus - 1, "", "text")
    buffer.cursor = cursor - surplus
  end
end

local function paste(editor, buffer, event)
  buffer:seal()
  local pasted <const> = event.text:gsub("\r\n?", "\n")
  editor:too_long(buffer:insert(pasted) + event.lost)
  buffer:seal()
end

--- A line more, as far in as the one above.
local function new_line(editor, buffer)
  local blanks = ""
  if editor.options.indent ~= false and not editor:is_hurried() then
    blanks = lua.indentation(buffer.text:sub(buffer:line(), buffer.cursor))
  end
  editor:too_long(buffer:insert("\n" .. blanks))
end

local function enter(editor, buffer)
  if editor:is_complete(buffer.text) then
    editor.result = buffer.text
  else
    new_line(editor, buffer)
  end
end

local function tab(editor, buffer)
  local first <const> = buffer:line()
  if editor.options.complete and buffer.text:sub(first, buffer.cursor):find "%S" then
    require("lull.repl.edit.menu").complete(editor)
  else
    editor:too_long(buffer:insert(lua.STEP))
  end
end

-- ---- the rest ----

local function search(direction)
  return function(editor) editor.mode = require("lull.repl.edit.search").new(editor, direction) end
end

local function interrupt(editor, buffer)
  if buffer.text == "" then editor.why = "interrupt" else editor:give_up() end
end

local function delete_or_end(editor, buffer)
  if buffer.text == "" then editor.why = "end" else delete(editor, buffer) end
end

local function same_start(direction)
  return function(editor, buffer) editor.past:walk_same(buffer, direction) end
end

local function jump(direction)
  return function(editor, buffer) editor.past:jump(buffer, direction) end
end

local function change_word(change)
  return function(_, buffer) buffer:change_word(change) end
end

local function capitalize(word)
  return (word:lower():gsub("%a", string.upper, 1))
end

local table_of_keys <const> = {
  text = text, paste = paste, enter = enter, tab = tab,
  ["alt-enter"] = new_line, ["shift-enter"] = new_line, ["ctrl-enter"] = new_line,
  left = left, ["ctrl-b"] = left, right = right, ["ctrl-f"] = right,
  up = vertical(-1), ["ctrl-p"] = vertical(-1), down = vertical(1), ["ctrl-n"] = vertical(1),
  home = home, ["ctrl-a"] = home, ["end"] = to_end, ["ctrl-e"] = to_end,
  ["alt-b"] = word_left, ["ctrl-left"] = word_left, ["alt-left"] = word_left,
  ["alt-f"] = word_right, ["ctrl-right"] = word_right, ["alt-right"] = word_right,
  ["ctrl-home"] = function(_, buffer) buffer.cursor = 0 end,
  ["ctrl-end"] = function(_, buffer) buffer.cursor = #buffer.text end,
  backspace = backspace, delete = delete, ["ctrl-d"] = delete_or_end,
  ["ctrl-k"] = kill_to_end, ["ctrl-u"] = kill_to_start, ["ctrl-w"] = kill_blank_word,
  ["alt-d"] = kill_word, ["ctrl-delete"] = kill_word, ["alt-delete"] = kill_word,
  ["alt-backspace"] = kill_word_left, ["ctrl-backspace"] = kill_word_left,
  ["ctrl-y"] = yank, ["alt-y"] = yank_before,
  ["ctrl-t"] = function(_, buffer) buffer:transpose() end,
  ["alt-u"] = change_word(string.upper), ["alt-l"] = change_word(string.lower),
  ["alt-c"] = change_word(capitalize),
  ["ctrl-_"] = function(_, buffer) buffer:back() end,
  ["alt-_"] = function(_, buffer) buffer:again() end,
  ["alt-/"] = function(_, buffer) buffer:again() end,
  ["ctrl-l"] = function(editor) editor:clear() end,
  ["ctrl-r"] = search(-1), ["ctrl-s"] = search(1),
  pageup = same_start(-1), ["alt-p"] = same_start(-1),
  pagedown = same_start(1), ["alt-n"] = same_start(1),
  ["alt-<"] = jump(-1), ["alt->"] = jump(1),
  ["ctrl-c"] = interrupt, ["ctrl-z"] = function(editor) editor:stop(true) end,
}

--- Those after which undoing does not begin a new step by itself.
local UNSEALED <const> = { text = true, backspace = true, delete = true, ["ctrl-d"] = true }

--- Do what a key does; what has no meaning does nothing.
---@param editor lull.repl.Editor
---@param event table
function commands.run(editor, event)
  local buffer <const>, fn <const> = editor.buffer, table_of_keys[event.key]
  if not UNSEALED[event.key] then buffer:seal() end
  editor.this = nil
  if fn then fn(editor, buffer, event) end
  editor.last = editor.this
end

return commands
