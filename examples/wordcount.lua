--- wordcount.lua: the words of all files below a folder, and the ten that are there most often.
--
--   lull examples/wordcount.lua [folder]         (.)
--
-- Files are read in chunks, many at the same time, so that neither their size nor their number
-- needs much memory.  All tasks run on one thread: they count into one table, without any lock.
local fs = require "lull.fs"
local log = require "lull.log"
local lull = require "lull"
local term = require "lull.term"

local AT_ONCE <const> = 16      -- files
local CHUNK <const> = 64 * 1024 -- bytes
local WORD <const> = "[%w\x80-\xff]+"
local BORDER <const> = "^.*[^%w\x80-\xff]()" -- the place behind the last byte that is in no word

local counts <const> = {} -- of each word
local words, bytes = 0, 0 -- of all files

local function count(text)
  for word in text:gmatch(WORD) do
    word = word:lower()
    counts[word] = (counts[word] or 0) + 1
    words = words + 1
  end
end

--- A chunk may end within a word: its last one is kept until the next chunk is there, unless it is
--- too long for a word.
local function count_file(path)
  local file <close> = fs.open(path)
  local rest = ""
  for chunk in file:lines(CHUNK) do
    bytes = bytes + #chunk
    local text <const> = rest .. chunk
    local cut <const> = text:match(BORDER) or (#rest > 0 and #text + 1 or 1)
    count(text:sub(1, cut - 1))
    rest = text:sub(cut)
  end
  count(rest)
end

local function files_below(folder)
  local paths <const> = {}
  for path, stat in fs.walk(folder) do
    if stat.type == "file" then paths[#paths + 1] = path end
  end
  return paths
end

--- The words that are there most often, first those with the highest count.
local function top(number)
  local list <const> = {}
  for word in pairs(counts) do list[#list + 1] = word end
  table.sort(list, function(a, b)
    if counts[a] ~= counts[b] then return counts[a] > counts[b] end
    return a < b
  end)
  return table.move(list, 1, number, 1, {})
end

local paths <const> = files_below(arg[1] or ".")

do
  local bar <close> = term.progress { label = "counting", total = #paths, unit = "files" }
  lull.map(paths, function(path)
    log.try("cannot read " .. path, count_file, path) -- what cannot be read is told, and left out
    bar:advance()
  end, { limit = AT_ONCE })
end

print(("%d words in %d files of %d bytes"):format(words, #paths, bytes))
local rows <const> = {}
for i, word in ipairs(top(10)) do rows[i] = { word, counts[word] } end
io.write(term.table(rows, { align = { "left", "right" } }))
