--- lull.http.range: which bytes a request asks for (RFC 9110, 14).
local range = {}

local MAX_RANGES <const> = 16

local function position(digits)
  return #digits <= 18 and tonumber(digits) or math.maxinteger
end

--- One range: offset and length; false when nothing of it is there, nil when it is malformed.
local function read_one(text, size)
  local first, last = text:match("^[ \t]*(%d*)%-(%d*)[ \t]*$")
  if not first or first == "" and last == "" then return nil end
  if first == "" then -- the last bytes
    local count <const> = math.min(position(last), size)
    return count > 0 and { offset = size - count, length = count }
  end
  first, last = position(first), last ~= "" and position(last) or math.maxinteger
  if last < first then return nil end
  last = math.min(last, size - 1)
  return first < size and { offset = first, length = last - first + 1 }
end

---@alias lull.http.Range { offset: integer, length: integer }

--- The ranges of a Range header.  Nil: it is to be ignored, as what is malformed, has more than
--- 16 ranges, or asks for more bytes than there are.
---@param header string
---@param size integer  of all
---@return lull.http.Range[]?  empty when none can be satisfied
function range.read(header, size)
  local list <const> = header:match("^%s*[Bb][Yy][Tt][Ee][Ss]%s*=(.*)$")
  if not list then return nil end
  local found <const>, count, total = {}, 0, 0
  for text in (list .. ","):gmatch("([^,]*),") do
    if text:find("[^ \t]") then
      count = count + 1
      local one <const> = read_one(text, size)
      if one == nil or count > MAX_RANGES then return nil end
      if one then
        total = total + one.length
        found[#found + 1] = one
      end
    end
  end
  if count == 0 or total > size then return nil end
  return found
end

--- The value of Content-Range.
---@param one lull.http.Range
---@param size integer
---@return string
function range.content(one, size)
  return ("bytes %d-%d/%d"):format(one.offset, one.offset + one.length - 1, size)
end

return range
