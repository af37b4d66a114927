--- lull.term.progress: bars and spinners.
--
-- Where standard error is no terminal, a bar is a line when it is finished, and a spinner one
-- when it begins and one when it is finished.
local cells = require "lull.term.cells"
local check = require "lull.check"
local lull = require "lull"
local screen = require "lull.term.screen"

local progress = {}

local BAR_WIDTH <const>, LEAST_WIDTH <const> = 30, 5 -- columns between its brackets
local SETTLING <const> = 0.2 -- seconds before a speed means something
local FRAMES <const> = { "|", "/", "-", "\\" }
local UNITS <const> = { "B", "KiB", "MiB", "GiB", "TiB" }

--- Bytes for people: "3.4 MiB".
local function size(bytes)
  local unit = 1
  while bytes >= 1024 and unit < #UNITS do
    bytes = bytes / 1024
    unit = unit + 1
  end
  return (unit == 1 and "%d %s" or "%.1f %s"):format(unit == 1 and bytes // 1 or bytes, UNITS[unit])
end

--- Minutes and seconds, or hours too.
local function duration(seconds)
  if seconds ~= seconds or seconds >= 360000 then return "--:--" end
  local whole <const> = math.floor(seconds + 0.5)
  if whole < 3600 then return ("%d:%02d"):format(whole // 60, whole % 60) end
  return ("%d:%02d:%02d"):format(whole // 3600, whole // 60 % 60, whole % 60)
end

local function number(value)
  if math.type(value) == "integer" or value % 1 == 0 and math.abs(value) < 1e15 then
    return ("%d"):format(value)
  end
  return ("%.1f"):format(value)
end

local function check_number(value, argument, name)
  check.type(value, argument, name, "number")
  if value ~= value or value < 0 or value == math.huge then
    check.fail(argument, name, "a finite number >= 0 expected")
  end
end

-- ---- bars ----

---@class lull.term.Bar
---@field done number    so far
---@field total? number  nil: unknown
local Bar <const> = {}
Bar.__index = Bar
Bar.__name = "lull.term.Bar"

--- How much, of what, how fast and how long.
local function numbers_of(self, finished)
  local function amount(value)
    if self._unit == "bytes" then return size(value) end
    return number(value) .. (self._unit and " " .. self._unit or "")
  end
  local seconds <const> = math.max(lull.now() - self._began, 1e-6)
  local rate <const> = self.done / seconds
  local so_far <const> = self.total and self._unit ~= "bytes" and number(self.done) or amount(self.done)
  local text <const> = self.total and so_far .. "/" .. amount(self.total) or so_far
  if finished then
    return ("%s in %s"):format(text, seconds < 60 and ("%.1f s"):format(seconds) or duration(seconds))
  end
  if seconds < SETTLING then return text end
  local speed <const> = self._unit == "bytes" and size(rate) or ("%.1f"):format(rate)
  local left = ""
  if self.total and self.done > 0 then
    left = " ETA " .. duration(math.max(self.total - self.done, 0) / rate)
  end
  return ("%s %s/s%s"):format(text, speed, left)
end

--- The share that is done, 0 to 1; nil: unknown.
local function share_of(self)
  if not self.total then return nil end
  if self.total == 0 then return 1 end
  return math.min(self.done / self.total, 1)
end

--- What the bar is drawn as.
---@param width integer
---@return string
local function bar_line(self, width)
  local share <const> = share_of(self)
  local percent <const> = share and ("%3d%%"):format(math.floor(share * 100)) or ""
  local numbers <const> = numbers_of(self)
  local label <const> = self._label ~= "" and self._label .. " " or ""
  local room <const> = width - cells.width(label) - #percent - #numbers - 4
  if room < LEAST_WIDTH then return label .. percent .. " " .. numbers end
  local inside <const> = math.min(room, BAR_WIDTH)
  local bar
  if share then
    local full <const> = math.floor(share * inside)
    local head <const> = full < inside and full > 0 and ">" or ""
    bar = ("="):rep(full - #head) .. head .. (" "):rep(inside - full)
  else
    local span <const> = inside - 3
    local at <const> = math.floor((lull.now() - self._began) * 10) % (2 * span)
    local before <const> = at < span and at or 2 * span - at
    bar = (" "):rep(before) .. "<=>" .. (" "):rep(span - before)
  end
  return ("%s%s [%s] %s"):format(label, percent, bar, numbers)
end

--- What is left of the bar when it is finished.
local function last_line(self)
  local share <const> = share_of(self)
  return (self._label ~= "" and self._label .. ": " or "")
    .. (share and ("%d%% "):format(math.floor(share * 100)) or "") .. numbers_of(self, true)
end

--- What the screen draws for a bar or a spinner.
local function live_line(self, draw)
  if not screen.is_live() then return nil end
  return { line = function(_, width) return draw(self, width) end }
end

--- Take it off the screen; a text stays.
local function take_away(self, text)
  if self._live then
    screen.remove(self._live, text)
    self._live = nil
  elseif text then
    screen.write_error(cells.strip(text) .. "\n")
  end
end

local function bar_changed(self)
  if self._live then screen.changed() end
end

--- Say how much is done.
---@param done number
---@param label? string  another one
function Bar:update(done, label)
  check.self(self, Bar, "update")
  check_number(done, 1, "update")
  self.done = done
  if label ~= nil then self:set_label(label) end
  bar_changed(self)
end

--- Say that so much more is done.
---@param by? number  1
function Bar:advance(by)
  check.self(self, Bar, "advance")
  if by ~= nil then check_number(by, 1, "advance") end
  self.done = self.done + (by or 1)
  bar_changed(self)
end

--- Say how much there is in all.
---@param total? number  nil: unknown
function Bar:set_total(total)
  check.self(self, Bar, "set_total")
  if total ~= nil then check_number(total, 1, "set_total") end
  self.total = total
  bar_changed(self)
end

--- Put another text in front.
---@param label string
function Bar:set_label(label)
  check.self(self, Bar, "set_label")
  check.type(label, 1, "set_label", "string")
  self._label = cells.clean(label)
  bar_changed(self)
end

--- Take the bar away; a line of what was done stays.
---@param text? string  in place of that line
function Bar:finish(text)
  check.self(self, Bar, "finish")
  check.type(text, 1, "finish", "string", true)
  if self._finished then return end
  self._finished = true
  local line = text and cells.clean(text)
  if not text and self._keep then line = last_line(self) end
  take_away(self, line)
end

function Bar:__close()
  self:finish()
end

--- Show a bar.
---@param opts? lull.term.BarOptions
---@return lull.term.Bar
function progress.bar(opts)
  check.options(opts, 1, "progress", { label = "string", total = "number", unit = "string",
    keep = "boolean" })
  opts = opts or {}
  if opts.total then check_number(opts.total, 1, "progress") end
  local self <const> = setmetatable({ done = 0, total = opts.total, _label = cells.clean(opts.label or ""),
    _unit = opts.unit and cells.clean(opts.unit), _keep = opts.keep ~= false, _began = lull.now(),
    _finished = false }, Bar)
  self._live = live_line(self, bar_line)
  if self._live then screen.add(self._live) end
  return self
end

-- ---- spinners ----

---@class lull.term.Spinner
local Spinner <const> = {}
Spinner.__index = Spinner
Spinner.__name = "lull.term.Spinner"

--- What the spinner is drawn as.
---@return string
local function spinner_line(self)
  local frame <const> = math.floor((lull.now() - self._began) * 10) % #FRAMES + 1
  return FRAMES[frame] .. " " .. self._label
end

--- Say something else.
---@param label string
function Spinner:set_label(label)
  check.self(self, Spinner, "set_label")
  check.type(label, 1, "set_label", "string")
  self._label = cells.clean(label)
  if self._live then screen.changed() end
end

--- Take the spinner away.
---@param text? string  a line that stays
function Spinner:finish(text)
  check.self(self, Spinner, "finish")
  check.type(text, 1, "finish", "string", true)
  if self._finished then return end
  self._finished = true
  take_away(self, text and cells.clean(text))
end

function Spinner:__close()
  self:finish()
end

--- Show a spinner.
---@param label string
---@return lull.term.Spinner
function progress.spinner(label)
  check.type(label, 1, "spinner", "string")
  local self <const> = setmetatable({ _label = cells.clean(label), _began = lull.now(),
    _finished = false }, Spinner)
  self._live = live_line(self, spinner_line)
  if self._live then
    screen.add(self._live)
  else
    screen.write_error(cells.strip(self._label) .. "\n")
  end
  return self
end

return progress
