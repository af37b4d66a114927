--- lull.compat.socket.choose: socket.select.
---
--- A socket of ours is readable when something was read ahead of it, so what TLS or a stream
--- holds back counts, too.  Other things that have getfd(), as LuaSocket allows, are waited for
--- by their descriptors.
local lull = require "lull"
local net = require "lull.net"

--- Seconds, for a call that is not to wait: the loop looks once.
local MOMENT <const> = 0.001

--- Wait until a thing is ready.
---@async
local function await(thing, own, wait_fd)
  local method <const> = thing[own]
  if method then return method(thing) end
  local fd <const> = thing:getfd()
  if fd >= 0 then wait_fd(fd) else lull.sleep_forever() end
end

--- Note what is ready at once.
local function note_dirty(things, ready)
  local some = false
  for _, thing in ipairs(things) do
    if thing.dirty and thing:dirty() then ready[thing], some = true, true end
  end
  return some
end

--- The things of a list that are ready, in its order, with their places by thing.
local function picked(things, ready)
  local list <const> = {}
  for _, thing in ipairs(things) do
    if ready[thing] then
      list[#list + 1] = thing
      list[thing] = #list
    end
  end
  return list
end

--- Wait until some of the things can be received from or sent to.
---@async
---@param readers? table[]
---@param writers? table[]
---@param seconds? number  nil or negative: however long it takes
---@return table readable
---@return table writable
---@return "timeout"? message
return function(readers, writers, seconds)
  readers, writers = readers or {}, writers or {}
  local readable <const>, writable <const> = {}, {}
  if note_dirty(readers, readable) then seconds = 0 end
  if seconds and seconds < 0 then seconds = nil end
  lull.move_on_after(seconds and math.max(seconds, MOMENT), function()
    lull.group(function(group)
      local some <const> = lull.future()
      local function watch(things, own, wait_fd, ready)
        for _, thing in ipairs(things) do
          group:spawn(function()
            await(thing, own, wait_fd)
            ready[thing] = true
            some:try_set()
          end)
        end
      end
      watch(readers, "await_readable", net.wait_readable, readable)
      watch(writers, "await_writable", net.wait_writable, writable)
      some:await() -- by then every other one has looked, too
      group:cancel("something is ready")
    end)
  end)
  local read <const>, write <const> = picked(readers, readable), picked(writers, writable)
  return read, write, (not read[1] and not write[1]) and "timeout" or nil
end
