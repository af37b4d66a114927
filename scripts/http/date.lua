--- lull.http.date: dates in header fields (RFC 9110, 5.6.7).
local date = {}

local DAYS <const> = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" }
local MONTHS <const> = {
  "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
}
local month_numbers <const> = {}
for i, name in ipairs(MONTHS) do month_numbers[name] = i end

--- Write a time; the locale has no part in it.
---@param time integer  seconds since 1970, as os.time() has them
---@return string
function date.format(time)
  local t <const> = os.date("!*t", time)
  return ("%s, %02d %s %04d %02d:%02d:%02d GMT"):format(
    DAYS[t.wday], t.day, MONTHS[t.month], t.year, t.hour, t.min, t.sec)
end

--- Days since 1970 of a day of the Gregorian calendar: years begin in March here, so that leap
--- days come last.
local function days_of(year, month, day)
  if month <= 2 then year, month = year - 1, month + 12 end
  local leaps <const> = year // 4 - year // 100 + year // 400
  return 365 * year + leaps + (153 * (month - 3) + 2) // 5 + day - 719469
end

--- Two digits mean the year that is at most 50 years ahead.
local function full_year(digits)
  if #digits == 4 then return tonumber(digits) end
  local now <const> = os.date("!*t").year
  local year <const> = now - now % 100 + tonumber(digits)
  return year > now + 50 and year - 100 or year
end

local FORMS <const> = { -- the one to write, and two that are obsolete but valid
  "^%a%a%a, (%d%d) (%a%a%a) (%d%d%d%d) (%d%d):(%d%d):(%d%d) GMT$",
  "^%a+, (%d%d)%-(%a%a%a)%-(%d%d) (%d%d):(%d%d):(%d%d) GMT$",
}

local ASCTIME <const> = "^%a%a%a (%a%a%a) ([ %d]%d) (%d%d):(%d%d):(%d%d) (%d%d%d%d)$"

--- Read a date in any of the three forms there are.
---@param text string
---@return integer? time  nil when it is none
function date.parse(text)
  local day, name, year, hour, min, sec
  for _, form in ipairs(FORMS) do
    day, name, year, hour, min, sec = text:match(form)
    if day then break end
  end
  if not day then
    name, day, hour, min, sec, year = text:match(ASCTIME)
  end
  local month <const> = month_numbers[name]
  if not month or tonumber(day) > 31 or tonumber(hour) > 23 then return nil end
  if tonumber(min) > 59 or tonumber(sec) > 60 then return nil end
  local days <const> = days_of(full_year(year), month, tonumber(day))
  return ((days * 24 + tonumber(hour)) * 60 + tonumber(min)) * 60 + tonumber(sec)
end

return date
