--- lull.repl.history: what was entered before, also in earlier sessions.
--
-- The file is one entry per line, oldest first, with backslashes and line breaks in an entry as
-- "\\\\", "\\n" and "\\r".  An entry is put behind the others as soon as it was entered, and found
-- by the sessions that begin later; the file is tidied by one that finds it too large, or cut.  A lock, a
-- folder beside it, keeps two sessions from writing at the same time.
--
-- An entry is there once, where it was entered last.  Entries that begin with a blank are not kept.
local fs = require "lull.fs"
local lull = require "lull"

-- The prompt goes on whatever a line does to the globals.
local error <const>, ipairs <const>, pcall <const>, setmetatable <const> = error, ipairs, pcall, setmetatable
local concat <const>, getenv <const> = table.concat, os.getenv

local history = {}

local MAX_ENTRIES <const> = 10000
local MAX_BYTES <const> = 1 << 20    -- of all entries
local MAX_FILE <const> = 64 << 20    -- a larger one is none of ours
local MAX_ENTRY <const> = 64 << 10   -- bytes of one entry
local LOCK_PATIENCE <const> = 1      -- seconds that another session may take
local LOCK_PAUSE <const> = 0.02

---@class lull.repl.History
---@field path? string      nil: nothing is saved
---@field entries string[]  oldest first
local History <const> = {}
History.__index = History

local function encode(entry)
  return (entry:gsub("[\\\n\r]", { ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r" }))
end

local DECODED <const> = { n = "\n", r = "\r", ["\\"] = "\\" }

local function decode(line)
  return (line:gsub("\\(.)", DECODED))
end

--- Entries without those that come again later, the newest, within the bounds.
local function tidy(entries)
  local seen <const>, kept <const>, bytes = {}, {}, 0
  for i = #entries, 1, -1 do
    local entry <const> = entries[i]
    if not seen[entry] then
      seen[entry] = true
      bytes = bytes + #entry + 1
      if #kept >= MAX_ENTRIES or bytes > MAX_BYTES then break end
      kept[#kept + 1] = entry
    end
  end
  for i = 1, #kept // 2 do kept[i], kept[#kept + 1 - i] = kept[#kept + 1 - i], kept[i] end
  return kept
end

--- The entries of the file; none where there is none.
---@async
---@return string[] entries
---@return boolean untidy  the file should be written anew
local function read(path)
  local ok <const>, text <const> = pcall(fs.read_file, path, { max = MAX_FILE })
  if not ok then
    if lull.is_error(text, "io") and text.code == "ENOENT" then return {}, false end
    error(text, 0)
  end
  local entries <const> = {}
  for line in text:gmatch "[^\r\n]+" do -- somebody may have edited it
    if #line <= 2 * MAX_ENTRY then entries[#entries + 1] = decode(line) end
  end
  local is_cut <const> = text:find "[^\n]$" ~= nil -- what is put behind it would join the last entry
  return tidy(entries), is_cut or #entries > 2 * MAX_ENTRIES or #text > 2 * MAX_BYTES
end

-- ---- looking ----

---@return integer
function History:count()
  return #self.entries
end

--- An entry, 1 being the oldest.
---@param index integer
---@return string
function History:get(index)
  return self.entries[index]
end

-- ---- writing ----

--- Write to the file; `clears`: from the beginning.
---@async
local function put(self, entries, clears)
  local lines <const> = {}
  for i, entry in ipairs(entries) do lines[i] = encode(entry) .. "\n" end
  local folder <const> = self.path:match "^(.+)/[^/]*$"
  if folder then fs.mkdir(folder, { parents = true, mode = 448 }) end -- rwx------
  fs.write_file(self.path, concat(lines), { atomic = clears, append = not clears, mode = 384 })
end

--- Call a function while no other session writes.
---@async
local function locked(path, fn, ...)
  local lock <const> = path .. ".lock"
  for _ = 1, LOCK_PATIENCE // LOCK_PAUSE do
    local ok <const>, err <const> = pcall(fs.mkdir, lock)
    if ok or lull.is_error(err, "io") and err.code == "ENOENT" then break end
    if not (lull.is_error(err, "io") and err.code == "EEXIST") then error(err, 0) end
    lull.sleep(LOCK_PAUSE)
  end
  -- one that is not given back in time was left behind by a session that was killed
  local _ <close> = setmetatable({}, { __close = function()
    lull.shield(fs.remove, lock, { missing = true })
  end })
  fn(...)
end

--- Keep an entry, unless it begins with a blank, is too long, or is what was entered last.
---@async
---@param text string   raises kind io where the file cannot be written; then it is kept here
function History:add(text)
  text = text:match "^.*%S" or ""
  if text == "" or text:find "^%s" or #text > MAX_ENTRY or text:find("\0", 1, true)
      or text == self.entries[#self.entries] then
    return
  end
  self.entries[#self.entries + 1] = text
  self.entries = tidy(self.entries)
  if self.path then locked(self.path, put, self, { text }, false) end
end

--- Forget everything, here and in the file.
---@async
function History:clear()
  self.entries = {}
  if self.path then locked(self.path, put, self, {}, true) end
end

--- The history in a file, which need not be there; without a path one that is not kept.
---@async
---@param path? string
---@return lull.repl.History   raises kind io where the file cannot be read
function history.open(path)
  local self <const> = setmetatable({ path = path, entries = {} }, History)
  if not path then return self end
  local entries <const>, untidy <const> = read(path)
  self.entries = entries
  if untidy then
    pcall(locked, path, function() put(self, (read(path)), true) end) -- `add` says why not
  end
  return self
end

--- Where the program keeps its own: LULL_HISTORY, or lull/history in the folder for states; nil
--- where that is empty or no folder is known.
---@return string?
function history.default_path()
  local named <const> = getenv "LULL_HISTORY"
  if named then return named ~= "" and named or nil end
  local state <const> = getenv "XDG_STATE_HOME"
  if state and state:sub(1, 1) == "/" then return state .. "/lull/history" end
  local home <const> = getenv "HOME"
  return home and home:sub(1, 1) == "/" and home .. "/.local/state/lull/history" or nil
end

return history
