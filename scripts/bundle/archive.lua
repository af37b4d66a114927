--- lull.bundle.archive: the archive behind a program.  Its format is told in core/program/bundle.h.
local archive = {}

local MAGIC <const>, FORMAT <const> = "lullbndl", 1
local TRAILER <const> = "<I8I8i8I4I4c16c8"
local ENTRY <const> = "<I4I4I8I8i8"

--- The note that says whether a program has an archive, but for that.
local NOTE <const> = ("<I4I4I4c8"):pack(5, 4, 1, "lull")

--- An entry: its name, its content, and for code the name that errors show.
---@class lull.bundle.Entry
---@field name string
---@field bytes string
---@field chunkname? string

--- FNV-1a over words of 8 bytes, the last one filled with zeros.
---@param bytes string
---@return integer
function archive.checksum(bytes)
  local unpack <const>, sum, at = string.unpack, -3750763034362895579, 1
  for _ = 1, #bytes // 32 do
    local a <const>, b <const>, c <const>, d <const> = unpack("<i8i8i8i8", bytes, at)
    sum = (sum ~ a) * 1099511628211
    sum = (sum ~ b) * 1099511628211
    sum = (sum ~ c) * 1099511628211
    sum = (sum ~ d) * 1099511628211
    at = at + 32
  end
  local rest <const> = bytes:sub(at)
  local padded <const> = rest .. ("\0"):rep(-#rest % 8)
  for i = 1, #padded, 8 do
    sum = (sum ~ unpack("<i8", padded, i)) * 1099511628211
  end
  return sum
end

--- Make an archive.
---@param entries lull.bundle.Entry[]
---@return string bytes
function archive.pack(entries)
  table.sort(entries, function(a, b) return a.name < b.name end)
  local contents <const>, index <const>, offset = {}, {}, 0
  for i, entry in ipairs(entries) do
    local chunkname <const> = entry.chunkname or ""
    contents[i] = entry.bytes
    index[i] = ENTRY:pack(#entry.name, #chunkname, offset, #entry.bytes, archive.checksum(entry.bytes))
      .. entry.name .. "\0" .. chunkname .. "\0"
    offset = offset + #entry.bytes
  end
  local names <const> = table.concat(index)
  contents[#contents + 1] = names
  contents[#contents + 1] = TRAILER:pack(offset, #names, archive.checksum(names), #entries, FORMAT, "", MAGIC)
  return table.concat(contents)
end

--- Where the archive of a program begins, its index, how many it has, and the size of the contents;
--- nil: it has none.
local function find_index(program)
  local size <const> = TRAILER:packsize()
  if #program < size or program:sub(-#MAGIC) ~= MAGIC then return nil end
  local contents <const>, index <const>, sum <const>, count <const>, format <const> =
    TRAILER:unpack(program, #program - size + 1)
  local before <const> = #program - size
  if format ~= FORMAT or index < 0 or index > before or contents < 0 or contents > before - index then
    error("the archive is damaged", 0)
  end
  local first <const> = before - index - contents + 1
  local names <const> = program:sub(first + contents, first + contents + index - 1)
  if archive.checksum(names) ~= sum then error("the archive is damaged", 0) end
  return first, names, count, contents
end

--- A program with an archive behind it, in place of the one it may have.
---@param program string   the bytes of lull, or of a bundle
---@param entries lull.bundle.Entry[]
---@return string
function archive.append(program, entries)
  local first <const> = find_index(program)
  if first then program = program:sub(1, first - 1) end
  local _, last <const> = program:find(NOTE, 1, true)
  if not last then error("the running program is not lull itself, and cannot be copied", 0) end
  return table.concat { program:sub(1, last), "\1\0\0\0", program:sub(last + 5), archive.pack(entries) }
end

--- What is in the archive of a program.
---@param program string
---@return lull.bundle.Entry[]?  nil: there is none
function archive.list(program)
  local first <const>, names <const>, count <const>, contents <const> = find_index(program)
  if not first then return nil end
  local entries <const>, at, next_offset = {}, 1, 0
  for i = 1, count do
    if #names - at + 1 < ENTRY:packsize() then error("the archive is damaged", 0) end
    local name <const>, chunk <const>, offset <const>, size <const>, sum <const>, after <const> =
      ENTRY:unpack(names, at)
    -- One behind the other, as they are packed: the same bytes are not listed again and again.
    if offset ~= next_offset or size < 0 or size > contents - offset then error("the archive is damaged", 0) end
    next_offset = offset + size
    local bytes <const> = program:sub(first + offset, first + offset + size - 1)
    if archive.checksum(bytes) ~= sum then error("the archive is damaged", 0) end
    local behind <const> = after + name + 1
    entries[i] = {
      name = names:sub(after, after + name - 1), bytes = bytes,
      chunkname = chunk > 0 and names:sub(behind, behind + chunk - 1) or nil,
    }
    at = behind + chunk + 1
  end
  return entries
end

return archive
