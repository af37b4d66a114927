--- lull.net.stream: methods of streams that are written in Lua.
local check = require "lull.check"

local stream = {}

--- The class of streams, as check.self wants it.
stream.class = { __name = "stream", __metatable = "lull.stream" }

--- Iterate over what comes, as it comes, until the end; does not close.
---@param self lull.net.Stream
---@param max? integer  bytes of a piece, at most
---@return async fun(): string?
local function chunks(self, max)
  check.self(self, stream.class, "chunks")
  check.count(max, 1, "chunks", "max")
  local read_some <const> = self.read_some
  return function() return read_some(self, max) end
end

--- Add them to the table of methods.
---@param methods table<string, function>
function stream.extend(methods)
  methods.chunks = chunks
end

return stream
