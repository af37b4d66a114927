--- lull.term.ask: questions that are answered at the terminal.
--
-- Tasks that ask wait for each other; what is drawn at the bottom of the screen goes away
-- meanwhile.  Where standard input is no terminal nothing is shown, and the answers are read
-- from it line by line.
local cells = require "lull.term.cells"
local check = require "lull.check"
local color = require "lull.term.color"
local input = require "lull.repl.input"
local screen = require "lull.term.screen"
local sync = require "lull.sync"
local tty = require "lull.tty.native"

local ask = {}

local turn <const> = sync.lock()
local reader ---@type lull.repl.Reader

--- Ends an answer: the echo is turned on again, and the cursor goes to a new line if the
--- terminal has not taken it there.
local Answering <const> = {}

function Answering:__close()
  if self.echo then tty.set_echo(self.fd, true) end
  if self.out and (self.echo or not self.complete) then
    self.out:write "\n"
    self.out:flush()
  end
end

--- Show a question and read a line.
---@async
---@param question string
---@param is_secret boolean
---@return string? # nil at the end of the input
local function read_line(question, is_secret)
  local _ <close> = turn:hold()
  reader = reader or input.open()
  local _ <close> = screen.pause()
  local answering <close> = setmetatable({ fd = reader.fd }, Answering)
  if reader.is_terminal then
    if is_secret then answering.echo = tty.set_echo(reader.fd, false) end
    answering.out = color.is_terminal(1) and io.stdout or io.stderr
    answering.out:write(question)
    answering.out:flush()
  end
  local line <const> = reader:line ""
  answering.complete = line ~= nil
  return line
end

--- Ask for a line.
---@async
---@param question string
---@param default? string
---@return string? # nil at the end of the input
function ask.line(question, default)
  local answer <const> = read_line(cells.clean(question, true), false)
  if answer == "" and default ~= nil then return default end
  return answer
end

--- Ask for a line that is not shown.
---@async
---@param question string
---@return string? # nil at the end of the input
function ask.secret(question)
  return read_line(cells.clean(question, true), true)
end

local ANSWERS <const> = { y = true, yes = true, n = false, no = false }

--- Ask until the answer is yes or no.
---@async
---@param question string
---@param default? boolean
---@return boolean
function ask.yes_or_no(question, default)
  local hint <const> = default == nil and "[y/n]" or default and "[Y/n]" or "[y/N]"
  while true do
    local answer <const> = ask.line(("%s %s "):format(question, hint))
    if not answer then return default or false end
    local word <const> = answer:lower():match "^%s*(.-)%s*$"
    if word == "" and default ~= nil then return default end
    if ANSWERS[word] ~= nil then return ANSWERS[word] end
  end
end

--- The question of an argument.
---@param value any
---@param name string
function ask.check(value, name)
  check.type(value, 1, name, "string")
end

return ask
