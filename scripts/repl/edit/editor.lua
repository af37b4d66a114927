--- lull.repl.edit.editor: one prompt: from keys to a text, and what is on the screen meanwhile.
--
-- All that is written goes through here, in order.  A terminal that is written directly gets it
-- at once; for others it is collected and written by the task that reads, or while that waits
-- for keys by one of its own: print_above never waits for a terminal.
local check = require "lull.check"
local commands = require "lull.repl.edit.commands"
local keys = require "lull.repl.edit.keys"
local lua = require "lull.repl.edit.lua"
local lull = require "lull"
local buffers = require "lull.repl.edit.buffer"
local pasts = require "lull.repl.edit.past"
local plain = require "lull.repl.edit.plain"
local cells = require "lull.term.cells"
local views = require "lull.repl.edit.view"

local editor = {}

local current <const> = lull.current

-- Lines are read whatever a script does to the globals.
local pcall <const>, setmetatable <const> = pcall, setmetatable
local match <const>, rep <const>, min <const> = string.match, string.rep, math.min

local PIECE <const> = 4096       -- bytes that are read at once
local MAX_TEXT <const> = 256 << 10
local MAX_STYLED <const> = 32 << 10 -- bytes of a text that has colours
local MAX_OUTPUT <const> = 1 << 20  -- bytes that a slow terminal may be behind
local MAX_REST <const> = 4096    -- of a line of output without an end
local ESCAPE_TIMEOUT <const> = 0.1
local FAREWELL <const> = 1       -- seconds, for the last words when the reading was cancelled
local PASTE_ON <const>, PASTE_OFF <const> = "\27[?2004h", "\27[?2004l"

---@class lull.repl.Editor
---@field terminal lull.repl.Terminal
---@field options lull.repl.EditOptions
---@field kills string[]
---@field queue table[]     keys that have come and are not yet taken
---@field taken integer     how many of the queue are
---@field rest string       what a dumb terminal has sent behind a line
---@field view? lull.repl.View   nil: nothing is edited
---@field reader? lull.Task       who reads; nil: nobody
---@field buffer lull.repl.Buffer
---@field past lull.repl.Past
---@field mode? table       a search, or a menu
---@field message? string   below the text until the next key
local Editor <const> = {}
Editor.__index = Editor

-- ---- writing ----

--- Write what was collected.
function Editor:_flush()
  local out <const> = self.out
  if #out == 0 then return end
  local text <const> = table.concat(out)
  self.out, self.out_size = {}, 0
  self.terminal:write(text)
end

function Editor:_emit(text)
  if text == "" then return end
  if self.terminal.direct then return self.terminal:write(text) end
  self.out[#self.out + 1] = text
  self.out_size = self.out_size + #text
  self.has_output:set()
end

--- Write what others have printed, while the editor waits for keys.
local function write_for_others(self)
  while true do
    self.has_output:wait()
    self.has_output:clear()
    self:_flush()
  end
end

-- ---- drawing ----

--- Is this what the function of the host may return?
local function are_spans(list)
  if type(list) ~= "table" then return false end
  for _, span in ipairs(list) do
    if type(span) ~= "table" or type(span[1]) ~= "number" or type(span[2]) ~= "number" or type(span[3]) ~= "string" then
      return false
    end
  end
  return true
end

--- Spans of the text, as the host says.
function Editor:_spans(text)
  local highlight <const> = self.options.highlight
  if not highlight or not self.terminal.color or #text > MAX_STYLED or text == "" then return nil end
  if text ~= self.styled then
    local ok <const>, spans <const> = pcall(highlight, text)
    self.styled, self.spans = text, ok and are_spans(spans) and spans or nil
  end
  return self.spans
end

--- Styles of single bytes: the bracket that matches, and what a search has found.
function Editor:_marks(text, cursor)
  local mode <const> = self.mode
  local marks
  if mode and mode.found then
    local first <const>, last <const> = mode:found()
    marks = {}
    for i = first or 1, last or 0 do marks[i] = "inverse" end
    return marks
  end
  local bracket <const> = #text <= MAX_STYLED and lua.bracket(text, cursor)
  local other <const> = bracket and lua.match(text, bracket)
  return other and { [other] = "bold underline" } or nil
end

--- What the history would add; nil: nothing.
---@return string?
function Editor:hint()
  local buffer <const> = self.buffer
  if self.mode or buffer.text == "" or buffer.cursor < #buffer.text then return nil end
  return self.past:hint(buffer.text)
end

--- What is to be seen now.
function Editor:_content()
  local buffer <const>, mode <const> = self.buffer, self.mode
  local hint, below = self:hint(), nil
  if hint then
    local line <const> = hint:match "^[^\n]*"
    hint = #line < #hint and line .. " ..." or line
  end
  if self.message then
    local line <const> = { { self.message:gsub("%s+", " "), "yellow" } }
    below = function() return { line } end
  elseif mode and mode.below then
    below = function(columns, room) return mode:below(columns, room) end
  end
  return { above = self.above, prompt = mode and mode.prompt and mode:prompt() or self.prompt,
    prompt2 = self.prompt2, text = buffer.text, cursor = buffer.cursor, hint = hint, below = below,
    spans = self:_spans(buffer.text), marks = self:_marks(buffer.text, buffer.cursor) }
end

--- Show what has changed.
function Editor:_refresh()
  self:_emit(self.view:draw(self:_content()))
end

--- The text as it stays on the screen.
function Editor:_finished(mark)
  local text <const> = self.buffer.text
  return self.view:finish { above = self.above, prompt = self.prompt, prompt2 = self.prompt2,
    text = text, cursor = #text, spans = self:_spans(text), hint = mark }
end

--- Begin to show on a screen that others have written on.
function Editor:_show_anew()
  local terminal <const> = self.terminal
  local columns <const>, rows <const> = terminal:size()
  self.view = views.new(columns, rows, terminal.color)
  self:_emit(self.view:fresh_row() .. PASTE_ON .. self.view:draw(self:_content()))
end

--- Let a function write to the terminal that knows nothing of what is edited there.
---@param fn function
---@param ... any
function Editor:step_aside(fn, ...)
  if self.view then self:_emit(self.view:erase()) end
  fn(...)
  if self.view then self:_show_anew() end
end

-- ---- for commands ----

--- Do what a key does when nothing else takes it.
---@param event table
function Editor:command(event)
  commands.run(self, event)
end

--- Is a text all that is needed?  A function of the host that fails does not stop anybody.
---@param text string
---@return boolean
function Editor:is_complete(text)
  local is_complete <const> = self.options.is_complete
  if not is_complete then return true end
  local ok <const>, answer <const> = pcall(is_complete, text)
  return not ok or answer and true or false
end

--- Say that something had no room.
---@param lost integer  bytes
function Editor:too_long(lost)
  if lost > 0 then
    self.message = ("the text may have %d bytes; %d were left out"):format(self.buffer.max, lost)
  end
end

--- Is more on its way, as when lines are pasted by a terminal that does not say so?
---@return boolean
function Editor:is_hurried()
  local terminal <const> = self.terminal
  return self.taken < #self.queue or terminal.is_waiting ~= nil and terminal:is_waiting()
end

--- Clear the screen.
function Editor:clear()
  self:_emit(self.view:clear())
end

--- Leave the text that is there as it is, and begin another.
function Editor:give_up()
  self:_emit(self:_finished "^C")
  self.above = ""
  self:_begin()
end

--- Stop the process and go on later, where the terminal can do that.
---@param everybody boolean
function Editor:stop(everybody)
  local terminal <const> = self.terminal
  if not terminal.stop then return end
  self:_emit(self:_finished() .. PASTE_OFF)
  self.above = ""
  self:_flush()
  if not terminal:stop(everybody) then
    error(lull.new_error("io", "the terminal cannot be used any more", { op = "edit.read" }))
  end
  self:_show_anew()
end

-- ---- keys ----

--- A new text.
function Editor:_begin()
  local options <const> = self.options
  self.buffer = buffers.new(options.max_text or MAX_TEXT, self.kills)
  self.past = pasts.new(options.history)
  self.mode, self.message, self.last = nil, nil, nil
end

function Editor:_take(event)
  self.message = nil
  local mode <const> = self.mode
  if mode and mode:key(event) then return end
  commands.run(self, event)
end

--- Wait for keys; false: the input has ended.
function Editor:_fetch()
  local parser <const>, terminal <const> = self.parser, self.terminal
  self:_flush()
  local in_time, bytes = true
  if parser:waiting() then
    in_time, bytes = lull.move_on_after(self.options.escape_timeout or ESCAPE_TIMEOUT,
      terminal.read_some, terminal, PIECE)
  else
    bytes = terminal:read_some(PIECE)
  end
  if in_time and not bytes then return false end
  local list <const> = in_time and parser:feed(bytes) or parser:settle()
  table.move(list, 1, #list, #self.queue + 1, self.queue)
  return true
end

--- Take keys until there is a text, or a reason why not.
function Editor:_converse()
  self.result, self.why = nil, nil
  while true do
    local queue <const> = self.queue
    self.taken = 0
    while self.taken < #queue and not self.result and not self.why do
      self.taken = self.taken + 1
      self:_take(queue[self.taken])
    end
    self.queue = table.move(queue, self.taken + 1, #queue, 1, {})
    if self.result or self.why then return self.result, self.why end
    self:_refresh()
    if not self:_fetch() then return nil, "end" end
  end
end

--- Keep up with what happens to the terminal.
local function watch(self)
  while true do
    local columns <const>, rows <const>, what <const> = self.terminal:wait_resize()
    if not columns or not self.view then return end
    if what == "TSTP" then
      self:stop(false)
    elseif what == "CONT" then
      self:_show_anew()
    else
      self:_emit(self.view:resize(columns, rows) .. self.view:draw(self:_content()))
    end
  end
end

-- ---- reading ----

--- What ends a reading, however it ends: the terminal is as it was.
local Leaving <const> = {}

local function leave(this)
  this.reader = nil
  if this.view then
    this:_emit(this:_finished() .. PASTE_OFF)
    this.view = nil
    pcall(lull.move_on_after, FAREWELL, this._flush, this)
  end
  this.above, this.out, this.out_size = "", {}, 0
  if this.is_raw then this.terminal:raw(false) end
end

function Leaving:__close()
  -- Ctrl-C may come between any two steps; a task that is closed by force has no shields
  if not pcall(lull.shield, leave, self.editor) then leave(self.editor) end
end

--- Read with all there is, in a group of tasks of which this is the body.
local function read_keys(self, group)
  group:spawn(watch, self)
  if not self.terminal.direct then group:spawn(write_for_others, self) end
  local text <const>, why <const> = self:_converse()
  self:_emit(self:_finished(why == "interrupt" and "^C" or nil) .. PASTE_OFF)
  self.view = nil
  self:_flush()
  group:cancel()
  return text, why
end

--- Show a prompt and read a text.  Ends with nil and "end" for Ctrl-D on an empty line and for the
--- end of the input, with nil and "interrupt" for Ctrl-C on an empty line.  Cancelled, it leaves
--- the text on the screen, and the terminal as it was.
---@async
---@param prompt string    may have styles, and several lines
---@param prompt2? string  before the lines that follow; default: dots as wide as `prompt`
---@return string? text    without a newline at its end; raises kinds busy, io, limit
---@return string? why     "end", "interrupt"
function Editor:read(prompt, prompt2)
  check.type(prompt, 1, "read", "string")
  check.type(prompt2, 2, "read", "string", true)
  local reader <const> = self.reader
  if reader and (reader == current() or reader:status() == "pending") then
    error(lull.new_error("busy", "the editor is reading already", { op = "edit.read" }))
  end
  if reader then leave(self) end -- Ctrl-C came as its task was about to
  self.prompt, self.prompt2 = prompt, prompt2 or editor.default_prompt2(prompt)
  local terminal <const> = self.terminal
  local _ <close> = setmetatable({ editor = self }, Leaving)
  self.reader = current()
  self.is_raw = not terminal.dumb and terminal.raw ~= nil
  if terminal.dumb or self.is_raw and not terminal:raw(true) then
    return plain.read(self, prompt, self.prompt2)
  end
  self:_begin()
  self:_show_anew()
  return lull.group(function(group) return read_keys(self, group) end)
end

--- Show what others print: above the text that is edited, or, when nothing is, as it is.  While
--- something is edited this never suspends; what a terminal that is slow cannot take is left out.
---@param text string  may have many lines; one without an end goes on with the next call
function Editor:print_above(text)
  local view <const> = self.view
  if not view then return self.terminal:write(text) end
  if self.out_size > MAX_OUTPUT then
    self.dropped = self.dropped + #text
    return
  end
  if self.dropped > 0 then
    text = ("\n[%d bytes left out]\n"):format(self.dropped) .. text
    self.dropped = 0
  end
  text = self.above .. text
  local whole <const> = text:match "^.*\n" or ""
  local rest <const> = text:sub(#whole + 1)
  local shown = whole:gsub("\r?\n", "\r\n")
  self.above = rest
  if #rest > MAX_REST then shown, self.above = shown .. rest .. "\r\n", "" end
  self:_emit(view:erase() .. shown .. view:draw(self:_content()))
end

--- Make one.
---@param options lull.repl.EditOptions
---@return lull.repl.Editor
function editor.new(options)
  local max <const> = options.max_paste or options.max_text or MAX_TEXT
  return setmetatable({ terminal = options.terminal, options = options, kills = {}, queue = {},
    rest = "", out = {}, out_size = 0, dropped = 0, above = "", parser = keys.new(max),
    has_output = require("lull.sync").event() }, Editor)
end

--- Dots in place of a prompt.
function editor.default_prompt2(prompt)
  local line <const> = cells.strip(match(prompt, "[^\n]*$"))
  local width <const> = cells.width(line)
  local blanks <const> = min(#match(line, " *$"), width)
  return rep(".", width - blanks) .. rep(" ", blanks)
end

return editor
