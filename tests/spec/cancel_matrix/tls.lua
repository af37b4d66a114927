--- The cancel matrix's rows of lull.tls; tasks.lua says what is in a row.
---
--- A handshake that was cancelled has closed its stream: nothing is usable after it.

local lull = require "lull"
local net = require "lull.net"
local testing = require "lull.testing"

local here = debug.getinfo(1, "S").source:match("^@(.*/)") or ""

return function(support)
  local go = support.go
  local certificates = dofile(here .. "../support_tls.lua")
  local contexts

  --- Contexts of both sides, made once.
  local function context(role)
    if not contexts then
      local tls = require "lull.tls"
      contexts = {
        client = tls.client { verify = false },
        server = tls.server(certificates.identity "server"),
      }
    end
    return contexts[role]
  end

  --- Start the waiter; one poll then finds ready first what this task waits for, then what the
  --- waiter waits for: cause() is what makes that so.
  local function by_poll(cause)
    return function(start)
      start()
      testing.settle()
      local p, q <close> = net.pair()
      local _ <close> = p
      go(function()
        q:write("x")
        cause()
      end)
      net.wait_readable(p:fd())
    end
  end

  --- A stage where one side waits for the other.
  local function shaking(role, peer)
    return function()
      local s, t = net.pair()
      local function shake() return pcall(t.start_tls, t, context(peer)) end
      context(role)
      return {
        wait = function(before)
          if before then before() end
          return s:start_tls(context(role))
        end,
        finish = function() go(shake) end,
        deliver = role == "client" and by_poll(shake) or nil,
        partial = by_poll(function() t:write("\x16\x03\x03") end),
        close = function() s:close() end,
        alone = true,
        over = function()
          s:abort()
          t:abort()
          lull.yield()
        end,
      }
    end
  end

  local columns = {
    before = true, waiting = true, completed = true, early = true, expired = true, shielded = true,
    closed = true, closing = true, partial = true,
  }

  return {
    { "a client's handshake", "tls.handshake", shaking("client", "server"), columns = columns },
    { "a server's handshake", "tls.handshake", shaking("server", "client"), columns = columns },
  }
end
