--- The cancel matrix's rows of the client of lull.http; tasks.lua says what is in a row.

local http = require "lull.http"
local lull = require "lull"
local native = require "lull.curl.native"
local net = require "lull.net"
local testing = require "lull.testing"

local here = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local peers = dofile(here .. "../support_http.lua")

return function(support)
  local go = support.go
  local assert = support.assert or assert -- busted's, in specs

  local OK <const> = peers.response("200 OK", "ok")
  local SIZE <const> = 16 * 1024 * 1024 -- more than the buffers between two sockets

  --- A server that answers when it is told to: `answer()` does, without waiting, what has been
  --- asked so far, and from then on everything at once.
  local function patient(reply)
    local peer
    local function say(stream) pcall(stream.write, stream, reply or OK) end
    peer = peers.raw(function(stream)
      for _ in peers.read_head, stream do
        if peer.told then
          say(stream)
        else
          peer.asked[#peer.asked + 1] = stream
        end
      end
    end)
    peer.asked = {}
    function peer.answer()
      peer.told = true
      for _, stream in ipairs(peer.asked) do say(stream) end
      peer.asked = {}
    end
    --- Wait until somebody asks, and answer.
    function peer.finish()
      while not peer.asked[1] do lull.sleep(0.001) end
      peer.answer()
    end
    return peer
  end

  --- Let the request arrive, then start the waiter's end and the waking of this task in one poll.
  local function by_poll(peer)
    return function(start)
      start()
      while not peer.asked[1] do lull.sleep(0.001) end
      local p, q <close> = net.pair()
      local _ <close> = p
      go(function()
        q:write("x")
        peer.answer()
      end)
      net.wait_readable(p:fd())
    end
  end

  --- Requests of one client; call(client, url) is what the waiter does.
  local function requesting(call, opts, reply)
    return function()
      local peer, client = patient(reply), http.client(opts)
      return {
        wait = function(before)
          if before then before() end
          return call(client, peer.url)
        end,
        finish = peer.finish,
        deliver = by_poll(peer),
        usable = function()
          peer.answer()
          assert.are.equal("ok", client:get(peer.url).body)
        end,
        close = function() client:close() end,
        over = function()
          client:close()
          peer.close()
        end,
      }
    end
  end

  return {
    { "client request", "http.request", requesting(function(client, url)
      return client:get(url)
    end) },
    { "client request, streamed", "http.request", requesting(function(client, url)
      local res <close> = client:get(url, { stream = true })
      return assert(res.status)
    end) },
    { "client request, in line for a connection", "http.request", function()
      local stage = requesting(function(client, url) return client:get(url) end, { max_connections = 1 })()
      local first = go(pcall, stage.wait)
      testing.settle()
      local over = stage.over
      stage.deliver = nil
      function stage.over()
        over()
        first:join()
      end
      return stage
    end },
    { "client request, that sends a body in pieces", "http.request", function()
      local stage = requesting(function(client, url)
        return client:post(url, { headers = { ["Content-Length"] = 0 }, body = function() end })
      end)()
      stage.deliver = nil
      return stage
    end, columns = { before = true, waiting = true, expired = true, closed = true, closing = true } },
    { "client read", "http.read", function()
      local peer, client = patient "HTTP/1.1 200 OK\r\n\r\n", http.client()
      local opening = go(client.get, client, peer.url, { stream = true })
      while not peer.asked[1] do lull.sleep(0.001) end
      local stream = peer.asked[1]
      peer.answer()
      local res = opening:await()
      local function send() stream:write("x") end
      return {
        wait = function(before)
          if before then before() end
          return res:read_some()
        end,
        finish = send,
        deliver = function(start)
          start()
          testing.settle()
          local p, q <close> = net.pair()
          local _ <close> = p
          go(function()
            q:write("x")
            send()
          end)
          net.wait_readable(p:fd())
        end,
        intact = function() assert.are.equal("x", res:read_some()) end,
        usable = function()
          send()
          assert.are.equal("x", res:read_some())
        end,
        close = function() res:close() end,
        alone = true,
        over = function()
          client:close()
          peer.close()
        end,
      }
    end },
    { "client upload", "http.upload", function()
      local go_on = lull.future()
      local peer = peers.raw(function(stream)
        peers.read_head(stream)
        go_on:await()
        pcall(function()
          while stream:read_some() do end
        end)
      end)
      local client = native.client {}
      local transfer = client:begin { url = peer.url, method = "POST", special = true, upload = true }
      local bytes = ("x"):rep(SIZE)
      return {
        wait = function(before)
          if before then before() end
          return assert(transfer:send(bytes))
        end,
        finish = function() go_on:try_set() end,
        usable = function()
          go_on:try_set()
          assert.is_true(transfer:send("more"))
        end,
        close = function() transfer:close() end,
        alone = true,
        over = function()
          go_on:try_set()
          transfer:close()
          client:close()
          peer.close()
        end,
      }
    end },
  }
end
