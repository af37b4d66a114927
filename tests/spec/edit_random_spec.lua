--- Random keys: whatever is written for a change, the screen is as if all was drawn anew.

local here <const> = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local new_screen = dofile(here .. "support_screen.lua")
local support <const> = dofile(here .. "support_edit.lua")
local testing = require "lull.testing"
local views = require "lull.repl.edit.view"

local KEYS <const> = { "a", "b", "x ", "local ", "(", ")", "{", "}", "'", "日本", "e\u{301}", "\u{301}", "👩\u{200D}💻",
  "\xFF", "\xE6", "some longer text that wraps ", "\27\r", "\27\r", "\27[D", "\27[D", "\27[D", "\27[C", "\27[A", "\27[A",
  "\27[B", "\27[B", "\1", "\5", "\11", "\21", "\23", "\25", "\27y", "\31", "\31", "\27/", "\127", "\127", "\4", "\20",
  "\18", "\18a", "\7", "\t", "\t", "\27[Z", "\27f", "\27b", "\12", "\27[200~pasted\nlines\t\1\27[201~", "\3", "\26",
  "\27[5~", "\27[6~" }

--- Colours for what is quoted, over lines.
local function highlight(text)
  local list <const> = {}
  for first, last in text:gmatch "()'[^']*'?()" do list[#list + 1] = { first, last - 1, "green" } end
  return list
end

local function complete(text, position)
  local word <const> = text:sub(1, position):match "%a*$"
  return position - #word + 1, { { text = word .. "a" }, { text = word .. "b", note = "note" }, { text = word .. "c日" } }
end

--- What the screen shows, row by row with styles, from a row on.
local function look(screen, from)
  local list <const> = {}
  for row = from, screen.rows do
    local pieces <const> = {}
    for _, cell in ipairs(screen:line(row)) do pieces[#pieces + 1] = cell.style .. ":" .. cell.text end
    list[#list + 1] = table.concat(pieces, "|")
  end
  while list[#list] == "" do list[#list] = nil end
  return table.concat(list, "\n")
end

--- Type keys; after each the screen must be as a new view draws it.
local function run(seed, columns, rows)
  math.randomseed(seed)
  local typed <const> = {}
  support.session({ columns = columns, rows = rows, highlight = highlight, complete = complete, direct = true,
    history = { "abc", "one\ntwo\nthree", "b" .. ("long "):rep(20) } }, function(s)
    for _ = 1, 150 do
      local key <const> = KEYS[math.random(#KEYS)]
      typed[#typed + 1] = ("%q"):format(key)
      s:type(key)
      if math.random(20) == 1 then
        s.editor:print_above(("out %d\n"):rep(math.random(3)) .. (math.random(2) == 1 and "rest" or ""))
        testing.settle()
      end
      local editor <const> = s.editor
      if not editor.view then return end
      local screen <const>, view <const> = new_screen(columns, rows), views.new(columns, rows, true)
      view.top = editor.view.top
      screen:feed(view:draw(editor:_content()))
      local first <const> = s.screen.row - editor.view.row
      local shown <const>, wanted <const> = look(s.screen, first), look(screen, 1)
      local row <const>, column <const> = s.screen:cursor()
      local wanted_row <const>, wanted_column <const> = screen:cursor()
      if shown ~= wanted or row - first + 1 ~= wanted_row or column ~= wanted_column then
        error(("seed %d, after %s:\n%s\n(%d, %d) in place of\n%s\n(%d, %d)"):format(seed,
          table.concat(typed, " ", math.max(1, #typed - 5)), shown, row - first + 1, column, wanted,
          wanted_row, wanted_column), 0)
      end
    end
  end)
end

describe("random keys", function()
  for _, size in ipairs { { 40, 12 }, { 12, 5 }, { 7, 3 }, { 5, 2 } } do
    it(("keep a screen of %d columns and %d rows right"):format(size[1], size[2]), function()
      for seed = 1, tonumber(os.getenv "EDIT_SEEDS") or 8 do run(seed, size[1], size[2]) end
    end)
  end
end)
