--- support_edit.lua: an editor at a terminal that is a table: keys are put in, the screen is read.

local edit = require "lull.repl.edit"
local lull = require "lull"
local new_screen = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_screen.lua")
local sync = require "lull.sync"
local testing = require "lull.testing"

local support = {}

local Terminal <const> = {}
Terminal.__index = Terminal

function Terminal:read_some(max)
  if #self.typed > 0 then
    local piece <const> = self.typed:sub(1, max)
    self.typed = self.typed:sub(#piece + 1)
    return piece
  end
  self.waits = true
  local piece <const> = self.input:get()
  if piece == false then return nil end
  return piece
end

function Terminal:write(text)
  if self.slow then self.slow:wait() end
  self.screen:feed(text)
end

function Terminal:size()
  if self.unknown then return nil end
  return self.screen.columns, self.screen.rows
end

function Terminal:wait_resize()
  self.resized:wait()
  self.resized:clear()
  return self.screen.columns, self.screen.rows, self.what
end

function Terminal:raw(on)
  self.is_raw = on
  return true
end

function Terminal:stop(everybody)
  self.stopped = everybody and "all" or "one"
  self.screen:feed "sh> fg\r\n"
  return true
end

--- A history of texts.
function support.history(list)
  return {
    count = function() return #list end,
    get = function(_, index) return list[index] end,
  }
end

--- Is it all of a Lua chunk?
function support.is_complete(text)
  local fn <const>, message <const> = load(text)
  return fn ~= nil or not message:find "<eof>"
end

local Session <const> = {}
Session.__index = Session

--- Type, and wait until the editor has taken it; so in as many pieces as there are arguments.
function Session:type(...)
  for _, bytes in ipairs { ... } do
    self.terminal.input:put(bytes)
    testing.settle()
  end
end

--- Read one more text, in a task of its own.
function Session:read(prompt, prompt2)
  self.task = lull.async(function()
    return table.pack(self.editor:read(prompt or "> ", prompt2 or ". "))
  end)()
  testing.settle()
end

--- What the reading has returned; nil and the status: it goes on, or has failed.
function Session:result()
  local status <const> = self.task:status()
  if status ~= "done" then return nil, status end
  return table.unpack(self.task:result(), 1, 2)
end

function Session:text(all)
  return self.screen:text(all)
end

function Session:resize(columns, rows)
  self.screen:resize(columns, rows)
  self.terminal.resized:set()
  testing.settle()
end

--- Run a test with an editor that reads, in virtual time.
function support.session(opts, fn)
  testing.virtual_time(function()
    local screen <const> = new_screen(opts.columns or 40, opts.rows or 10)
    local terminal <const> = setmetatable({ screen = screen, input = sync.queue(), typed = "",
      resized = sync.event(), color = opts.color ~= false, direct = opts.direct, dumb = opts.dumb,
      unknown = opts.unknown }, Terminal)
    local session <const> = setmetatable({ terminal = terminal, screen = screen }, Session)
    session.editor = edit.new { terminal = terminal, history = opts.history and support.history(opts.history),
      complete = opts.complete, highlight = opts.highlight, is_complete = opts.is_complete,
      indent = opts.indent, max_text = opts.max_text, max_paste = opts.max_paste }
    if opts.before then screen:feed(opts.before) end
    session:read(opts.prompt, opts.prompt2)
    fn(session)
    session.task:cancel()
    session.task:join()
  end)
end

--- An editor without a history: what is to be typed, and what then is the text and where the cursor
--- is, as "te|xt".
function support.edits(expected, keys, opts)
  opts = opts or {}
  support.session(opts, function(session)
    for _, bytes in ipairs(type(keys) == "table" and keys or { keys }) do session:type(bytes) end
    local buffer <const> = session.editor.buffer
    local shown <const> = buffer.text:sub(1, buffer.cursor) .. "|" .. buffer.text:sub(buffer.cursor + 1)
    if shown ~= expected then error(("expected %q, is %q"):format(expected, shown), 2) end
  end)
end

return support
