--- lull.compat.socket.outcome: lull's errors as LuaSocket tells them.
local lull = require "lull"

local outcome = {}

--- Messages where LuaSocket has words of its own.
local BY_CODE <const> = {
  EACCES = "permission denied",
  EADDRINUSE = "address already in use",
  ECONNABORTED = "closed",
  ECONNREFUSED = "connection refused",
  ECONNRESET = "closed",
  EISCONN = "already connected",
  EPIPE = "closed",
  ETIMEDOUT = "timeout",
}

local BY_KIND <const> = { closed = "closed", eof = "closed", timeout = "timeout" }

--- Kinds that are told as their message.
local TOLD <const> = { dns = true, io = true, limit = true, memory = true, tls = true }

--- The message for an error; what is no failure of input or output is raised again.
---@param err any
---@return string
function outcome.message(err)
  if lull.is_error(err) then
    local message = BY_KIND[err.kind]
    if TOLD[err.kind] then message = BY_CODE[err.code] or err.message end
    if message then return message end
  end
  error(err, 0)
end

local function finish(ok, ...)
  if ok then return ... end
  return nil, outcome.message((...))
end

--- Call fn(...): its results, or nil and a message.
---@async
---@param fn function
---@param ... any
---@return any ...
function outcome.of(fn, ...)
  return finish(pcall(fn, ...))
end

return outcome
