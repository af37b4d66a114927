--- lull.programs.find: the lull programs of this user that run, as /proc tells of them.
---
--- A program is known by a note in its ELF file (core/program/bundle.h), whatever it is called: so are
--- bundles.  Whether it answers is whether it has a handler for the signal.
local fs = require "lull.fs"
local native = require "lull.ask.native"

local MAX_HEADERS <const>, MAX_NOTES <const> = 64, 4096
local PT_NOTE <const> = 4

local find = {}

---@class lull.Program
---@field pid integer
---@field runs number     seconds since it was started
---@field cpu number      seconds of CPU time, of all threads
---@field memory integer  bytes that it holds now
---@field command string  as it was started, without control characters
---@field is_stopped boolean by Ctrl-Z, STOP or a debugger
---@field answers boolean it has tasks, and can be asked for them

--- All of a file of /proc; nil: it is gone, or not ours to see.
local function read(path)
  local file <close> = io.open(path, "rb")
  return file and file:read "a"
end

--- `size` bytes at an offset, or fewer.
local function read_at(file, offset, size)
  return file:seek("set", offset) and file:read(size) or ""
end

--- Is there the note of lull among these?
local function has_note(notes, order)
  local at = 1
  while at + 11 <= #notes do
    local name_size <const>, size <const>, kind <const> = (order .. "I4I4I4"):unpack(notes, at)
    if kind == 1 and notes:sub(at + 12, at + 11 + name_size) == "lull\0" then return true end
    at = at + 12 + (name_size + 3) // 4 * 4 + (size + 3) // 4 * 4
  end
  return false
end

--- Is this file a lull program?
local function is_lull(path)
  local file <close> = io.open(path, "rb")
  local head <const> = file and file:read(64)
  if not head or #head < 64 or head:sub(1, 4) ~= "\127ELF" then return false end
  local wide <const>, order <const> = head:byte(5) == 2, head:byte(6) == 2 and ">" or "<"
  local offset <const> = (order .. (wide and "I8" or "I4")):unpack(head, wide and 33 or 29)
  local size <const>, count <const> = (order .. "I2I2"):unpack(head, wide and 55 or 43)
  if count > MAX_HEADERS or size < (wide and 56 or 32) or offset < 0 then return false end
  local headers <const> = read_at(file, offset, size * count)
  for i = 1, #headers - size + 1, size do
    if (order .. "I4"):unpack(headers, i) == PT_NOTE then
      local where <const> = (order .. (wide and "I8" or "I4")):unpack(headers, i + (wide and 8 or 4))
      local length <const> = (order .. (wide and "I8" or "I4")):unpack(headers, i + (wide and 32 or 16))
      local is_sane <const> = where >= 0 and length >= 0
      if is_sane and has_note(read_at(file, where, math.min(length, MAX_NOTES)), order) then return true end
    end
  end
  return false
end

--- What cannot do harm on a terminal.
---@param text string
---@return string
function find.printable(text)
  return (text:gsub("[%z\1-\8\11-\31\127]", "?"):gsub("\xC2[\x80-\x9F]", "?"))
end

--- One process.
---@param pid integer
---@return lull.Program?  nil: it is no lull program of this user
function find.look(pid)
  local folder <const> = ("/proc/%d/"):format(pid)
  local status <const>, stat <const> = read(folder .. "status"), read(folder .. "stat")
  if not status or not stat then return nil end
  local uid <const>, caught <const> = status:match "\nUid:%s+(%d+)", status:match "\nSigCgt:%s+(%x+)"
  if tonumber(uid) ~= native.uid or not is_lull(folder .. "exe") then return nil end
  local fields <const> = {}
  for field in stat:match(".*%)%s+(.*)$"):gmatch "%S+" do fields[#fields + 1] = field end
  local uptime <const> = tonumber(read("/proc/uptime"):match "%S+")
  local command <const> = (read(folder .. "cmdline") or ""):gsub("%z$", ""):gsub("%z", " ")
  return {
    pid = pid,
    runs = math.max(0, uptime - tonumber(fields[20]) / native.ticks),
    cpu = (tonumber(fields[12]) + tonumber(fields[13])) / native.ticks,
    memory = (tonumber(status:match "\nVmRSS:%s+(%d+)") or 0) * 1024,
    command = find.printable(command:gsub("[\n\t]", " "):sub(1, 1000)),
    is_stopped = fields[1]:lower() == "t",
    answers = tonumber(caught, 16) >> (native.signal - 1) & 1 == 1,
  }
end

--- All but this one, the oldest first.
---@async
---@return lull.Program[]
function find.all()
  local programs <const> = {}
  for _, name in ipairs(fs.list "/proc") do
    local pid <const> = math.tointeger(tonumber(name))
    local program <const> = pid and pid ~= native.pid and find.look(pid) or nil
    if program then programs[#programs + 1] = program end
  end
  table.sort(programs, function(a, b)
    if a.runs ~= b.runs then return a.runs > b.runs end
    return a.pid < b.pid
  end)
  return programs
end

--- A duration in few characters: 4.2s, 3m05s, 2h10m, 5d03h.
local function duration(seconds)
  local whole <const> = math.floor(seconds)
  if seconds < 60 then return ("%.1fs"):format(seconds) end
  if seconds < 3600 then return ("%dm%02ds"):format(whole // 60, whole % 60) end
  if seconds < 86400 then return ("%dh%02dm"):format(whole // 3600, whole // 60 % 60) end
  return ("%dd%02dh"):format(whole // 86400, whole // 3600 % 24)
end

--- A table of programs, as text.
---@param programs lull.Program[]
---@return string
function find.format(programs)
  local lines <const> = { ("%7s %8s %8s %9s  %s"):format("PID", "RUNS", "CPU", "MEMORY", "COMMAND") }
  for _, program in ipairs(programs) do
    lines[#lines + 1] = ("%7d %8s %8s %7.1f M  %s%s"):format(program.pid, duration(program.runs),
      duration(program.cpu), program.memory / 1048576, program.command,
      program.answers and "" or "  (no tasks of its own)")
  end
  return table.concat(lines, "\n") .. "\n"
end

return find
