--- lull.tls: contexts, which hold what the connections of a client or a server have in common.
---
--- Whoever gives the option `tls` a table need not make one: equal tables share a context.
local context = require "lull.tls.context"

local tls = {}

--- A context of clients.  Raises kinds `tls` and `io` for files that cannot be used.
---@param opts? lull.tls.ClientOptions
---@return lull.tls.Context
function tls.client(opts)
  return context.new("client", opts, "client")
end

--- A context of servers.  Raises kinds `tls` and `io` for files that cannot be used.
---@param opts lull.tls.ServerOptions
---@return lull.tls.Context
function tls.server(opts)
  return context.new("server", opts, "server")
end

return tls
