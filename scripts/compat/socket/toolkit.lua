--- lull.compat.socket.toolkit: try and protect, sources and sinks, as `socket` has them.
local toolkit = {}

toolkit.BLOCKSIZE = 2048

-- Exceptions -----------------------------------------------------------------------------------

--- What try raises and protect turns into results; of others it is an error like any.
local Exception <const> = {}
Exception.__tostring = function(self) return tostring(self[1]) end

--- A function that returns its arguments, or if the first is nil or false calls the
--- finalizer and raises the second for protect.
---@param finalizer? fun()
---@return fun(...: any): ...
function toolkit.newtry(finalizer)
  return function(first, second, ...)
    if first then return first, second, ... end
    if finalizer then finalizer() end
    error(setmetatable({ second }, Exception), 0)
  end
end

toolkit.try = toolkit.newtry()

local function protected(ok, ...)
  if ok then return ... end
  local err <const> = ...
  if getmetatable(err) == Exception then return nil, err[1] end
  error(err, 0)
end

--- A function like `fn` that returns nil and a message for what try raised inside.
---@param fn function
---@return function
function toolkit.protect(fn)
  return function(...) return protected(pcall(fn, ...)) end
end

--- All arguments behind the first n.
---@param n integer
---@param ... any
---@return any ...
function toolkit.skip(n, ...)
  return select(n + 1, ...)
end

--- A function that finds one of the functions of a table by its name, or "default", and
--- calls it.
---@param functions table<string, function>
---@return function
function toolkit.choose(functions)
  return function(name, ...)
    if type(name) ~= "string" then return functions.default(name, ...) end
    local fn <const> = functions[name] or error("unknown key (" .. name .. ")", 3)
    return fn(...)
  end
end

-- Sources and sinks ----------------------------------------------------------------------------

--- A source or sink that socket.select takes, too.
local function callable(sock, fn)
  return setmetatable({
    getfd = function() return sock:getfd() end,
    dirty = function() return sock:dirty() end,
  }, { __call = fn })
end

toolkit.sinkt = {
  ["close-when-done"] = function(sock)
    return callable(sock, function(_, chunk)
      if chunk then return sock:send(chunk) end
      sock:close()
      return 1
    end)
  end,
  ["keep-open"] = function(sock)
    return callable(sock, function(_, chunk)
      if chunk then return sock:send(chunk) end
      return 1
    end)
  end,
}
toolkit.sinkt.default = toolkit.sinkt["keep-open"]

toolkit.sourcet = {
  ["by-length"] = function(sock, length)
    return callable(sock, function()
      if length <= 0 then return nil end
      local chunk <const>, err <const> = sock:receive(math.min(toolkit.BLOCKSIZE, length))
      if not chunk then return nil, err end
      length = length - #chunk
      return chunk
    end)
  end,
  ["until-closed"] = function(sock)
    local over = false
    return callable(sock, function()
      if over then return nil end
      local chunk <const>, err <const>, partial <const> = sock:receive(toolkit.BLOCKSIZE)
      if chunk then return chunk end
      if err ~= "closed" then return nil, err end
      over = true
      sock:close()
      return partial
    end)
  end,
}
toolkit.sourcet.default = toolkit.sourcet["until-closed"]

toolkit.sink = toolkit.choose(toolkit.sinkt)
toolkit.source = toolkit.choose(toolkit.sourcet)

return toolkit
