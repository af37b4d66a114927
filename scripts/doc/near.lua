--- lull.doc.near: which known names a wrong one may have meant.

local MAX_LENGTH <const> = 64 -- longer ones are no slips of a finger
local MAX_NAMES <const> = 5

--- How many letters must be changed, added, left out or swapped, up to `limit` + 1.
local function distance(a, b, limit)
  if math.abs(#a - #b) > limit then return limit + 1 end
  local before, last, this = {}, {}, {}
  for j = 0, #b do last[j] = j end
  for i = 1, #a do
    this[0] = i
    local least = i
    for j = 1, #b do
      local same <const> = a:byte(i) == b:byte(j)
      local cost = math.min(last[j] + 1, this[j - 1] + 1, last[j - 1] + (same and 0 or 1))
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        cost = math.min(cost, before[j - 2] + 1)
      end
      this[j] = cost
      least = math.min(least, cost)
    end
    if least > limit then return limit + 1 end
    before, last, this = last, this, before
  end
  return last[#b]
end

--- The names that are nearest to one, the nearest first; none where none is near.
---@param name string
---@param known string[]
---@return string[]
return function(name, known)
  local found <const>, far <const> = {}, {}
  local wanted <const> = name:lower()
  local limit <const> = #wanted > MAX_LENGTH and -1 or math.min(2, (#wanted + 1) // 3)
  for _, each in ipairs(known) do
    local steps <const> = limit < 0 and 1 or distance(wanted, each:lower(), limit)
    if steps <= limit and not far[each] then
      far[each] = steps
      found[#found + 1] = each
    end
  end
  table.sort(found, function(a, b)
    if far[a] ~= far[b] then return far[a] < far[b] end
    return a < b
  end)
  return table.move(found, 1, MAX_NAMES, 1, {})
end
