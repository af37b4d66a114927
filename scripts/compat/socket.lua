--- lull.compat.socket: what is written for LuaSocket and LuaSec, on streams that do not block.
---
--- `require "lull.compat.socket"` puts look-alikes of the modules `socket`, `socket.core` and
--- `ssl` where require finds them, so it stands before whatever uses them.  The parts of
--- LuaSocket that are Lua themselves (socket.http, socket.smtp, socket.ftp, socket.url, ltn12,
--- mime) and LuaSec's ssl.https are not lull's: where they are installed they run on these, and
--- several tasks at a time may be inside them.
---
--- As with LuaSocket nothing is raised but misuse: a call that fails returns nil and a message,
--- "timeout" or "closed" where these have a meaning.  A cancellation is raised, and passes
--- socket.protect.  What differs:
---
---   * A client has no local address of its own choice.
---   * A socket's bind listens already.
---   * setoption refuses what streams do not have ("keepalive", "linger").
---   * A line is 1 MiB at most, and "*a" 64 MiB; longer ones are "too long".
---   * Certificates are checked for the host's name, too, where they are checked ("verify").
local lull = require "lull"

local LOADED <const> = { "socket", "socket.core", "ssl" }

for _, name in ipairs(LOADED) do
  if package.loaded[name] then
    error(lull.new_error("usage",
      ("module '%s' is loaded already: require lull.compat.socket before it"):format(name)), 2)
  end
end

local core <const> = require "lull.compat.socket.core"
package.loaded["socket"] = core
package.loaded["socket.core"] = core
package.loaded["ssl"] = require "lull.compat.socket.ssl"

return core
