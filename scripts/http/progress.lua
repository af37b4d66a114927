--- lull.http.progress: how far a download is, for people.
--
-- On a terminal one line that is drawn again and again; anywhere else a line for every tenth.
local lull = require "lull"
local tty = require "lull.tty.native"

local progress = {}

local WIDTH <const> = 24     -- columns of the bar itself
local INTERVAL <const> = 0.1 -- seconds between two drawings
local STDERR <const> = 2     -- the descriptor

local UNITS <const> = { "B", "KiB", "MiB", "GiB", "TiB" }

--- A size for people: "3.4 MiB".
---@param bytes number
---@return string
function progress.size(bytes)
  local unit = 1
  while bytes >= 1024 and unit < #UNITS do
    bytes = bytes / 1024
    unit = unit + 1
  end
  if unit == 1 then return ("%d B"):format(bytes // 1) end
  return ("%.1f %s"):format(bytes, UNITS[unit])
end

--- Is standard error a terminal, where one line can be drawn again and again?
---@return boolean
function progress.is_terminal()
  return tty.is_terminal(STDERR)
end

--- A bar; call it with what is done and, if known, what there is.  A to-be-closed value.
---@class lull.http.Progress
---@field private title string
---@field private out file*
---@field private is_terminal boolean
---@field private began number
---@field private drawn number   when it was last
---@field private tenth integer  that was last printed
local Progress <const> = {}
Progress.__index = Progress

--- Make one.
---@param title string
---@param out? file*             standard error
---@param is_terminal? boolean   as it is
---@return lull.http.Progress
function progress.bar(title, out, is_terminal)
  if is_terminal == nil then is_terminal = out == nil and progress.is_terminal() end
  return setmetatable({
    -- What a file is called must not steer the terminal.
    title = title:gsub("[%c\127]", "?"), out = out or io.stderr, is_terminal = is_terminal,
    began = lull.now(), drawn = -math.huge, tenth = -1,
  }, Progress)
end

local function describe(self, done, total)
  local seconds <const> = math.max(lull.now() - self.began, 1e-3)
  local amount <const> = total and progress.size(done) .. " of " .. progress.size(total) or progress.size(done)
  return ("%s, %s/s"):format(amount, progress.size(done / seconds))
end

local function draw(self, done, total)
  local bar = ""
  if total and total > 0 then
    local filled <const> = math.min(done * WIDTH // total, WIDTH)
    bar = ("[%s%s] %3d%%  "):format(("#"):rep(filled), ("."):rep(WIDTH - filled), done * 100 // total)
  end
  self.out:write("\r\27[K", self.title, "  ", bar, describe(self, done, total))
  self.out:flush()
end

local function print_line(self, done, total)
  self.out:write(("%s: %s\n"):format(self.title, describe(self, done, total)))
end

---@param done integer
---@param total? integer
function Progress:__call(done, total)
  self.done, self.total = done, total
  if self.is_terminal then
    local now <const> = lull.now()
    if now - self.drawn < INTERVAL then return end
    self.drawn = now
    draw(self, done, total)
  elseif total and total > 0 then
    local tenth <const> = done * 10 // total
    if tenth > self.tenth and done < total then print_line(self, done, total) end
    self.tenth = math.max(tenth, self.tenth)
  end
end

--- Print the last state.
function Progress:__close()
  if not self.done then return end
  if self.is_terminal then
    draw(self, self.done, self.total)
    self.out:write("\n")
  else
    print_line(self, self.done, self.total)
  end
end

return progress
