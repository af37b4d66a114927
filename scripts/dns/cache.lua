--- lull.dns.cache: a bounded table that forgets first what was not used for longest.
local cache = {}

--- Entries are in a ring, by last use: the ring's `next` is the oldest, its `previous` the newest.
---@class lull.dns.Entry
---@field key? any      nil: the ring itself
---@field value? any
---@field next lull.dns.Entry
---@field previous lull.dns.Entry

---@class lull.dns.Cache
---@field max integer   entries
---@field private count integer
---@field private entries table<any, lull.dns.Entry>
---@field private ring lull.dns.Entry
local Cache <const> = {}
Cache.__index = Cache

--- An empty one.
---@param max integer  entries
---@return lull.dns.Cache
function cache.new(max)
  return setmetatable({ max = max }, Cache):clear()
end

local function unlink(entry)
  entry.previous.next = entry.next
  entry.next.previous = entry.previous
end

local function link(ring, entry)
  entry.previous, entry.next = ring.previous, ring
  ring.previous.next = entry
  ring.previous = entry
end

--- Forget everything.
---@return lull.dns.Cache self
function Cache:clear()
  local ring <const> = {}
  ring.next, ring.previous = ring, ring
  self.ring, self.entries, self.count = ring, {}, 0
  return self
end

--- What was put under the key, or nil.
---@param key any
---@return any
function Cache:get(key)
  local entry <const> = self.entries[key]
  if not entry then return nil end
  unlink(entry)
  link(self.ring, entry)
  return entry.value
end

--- Forget what was put under the key.
---@param key any
function Cache:remove(key)
  local entry <const> = self.entries[key]
  if not entry then return end
  unlink(entry)
  self.entries[key] = nil
  self.count = self.count - 1
end

--- Put a value under the key, in the place of another.
---@param key any
---@param value any
function Cache:put(key, value)
  self:remove(key)
  local entry <const> = { key = key, value = value }
  link(self.ring, entry)
  self.entries[key] = entry
  self.count = self.count + 1
  self:trim()
end

--- Forget the oldest, as many as there are too many.
function Cache:trim()
  while self.count > self.max do self:remove(self.ring.next.key) end
end

return cache
