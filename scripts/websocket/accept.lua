--- lull.websocket.accept: a server's side of the handshake, for what has read a request's head.
local handshake = require "lull.websocket.handshake"
local options = require "lull.websocket.options"
local socket = require "lull.websocket.socket"

---@class lull.websocket.AcceptOptions: lull.websocket.SocketOptions
---@field origins? string[]|fun(origin?: string, headers: table): boolean  pages that may
---  connect; "*": all.  Without it those of the same host.  Whoever sends no Origin is no
---  browser and may, unless a function says no

--- Judge a request, and answer it with 101.  What the client has sent behind its head stays in
--- the stream.
---@async
---@param stream lull.net.Stream  which the socket takes
---@param method string
---@param headers table<string, string>  by lower-case names, several values joined by ", "
---@param opts? lull.websocket.AcceptOptions
---@return lull.websocket.Socket?  nil: the caller is to answer with what follows
---@return integer? status
---@return string? message
---@return { [1]: string, [2]: string }[]? fields  that the answer must have
local function accept(stream, method, headers, opts)
  local settings <const> = options.server(opts, 1, "websocket")
  local head <const>, chosen <const>, message <const>, fields <const> =
    handshake.respond(method, headers, settings)
  if not head then return nil, chosen, message, fields end
  stream:write(head)
  return socket.new(stream, settings, chosen)
end

return accept
