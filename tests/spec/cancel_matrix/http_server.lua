--- The cancel matrix's rows of lull.http.native; tasks.lua says what is in a row.

local files = require "lull.http.file.native"
local native = require "lull.http.native"
local net = require "lull.net"
local testing = require "lull.testing"

return function(support)
  local go = support.go
  local assert = support.assert or assert -- busted's, in specs

  local SIZE <const> = 4 * 1024 * 1024 -- more than the buffers between two sockets
  local GET <const> = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
  local POST <const> = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n"

  --- One poll finds ready what this task waits for, then what the waiter waits for.
  local function by_poll(cause)
    return function(start)
      start()
      testing.settle()
      local p, q <close> = net.pair()
      local _ <close> = p
      go(function()
        q:write "x"
        cause()
      end)
      net.wait_readable(p:fd())
    end
  end

  --- A connection, its client, and a stage that ends them.
  local function connected(request)
    local s, t = net.pair()
    local server = native.server {}
    local conn = native.connection(server, s)
    local stage = {
      over = function()
        conn:close()
        s:abort()
        t:abort()
        server:close()
      end,
    }
    local req
    if request then
      t:write(request)
      req = assert(conn:next())
    end
    return stage, conn, t, req, s
  end

  local function waits_for(stage, call)
    stage.wait = function(before)
      if before then before() end
      return call()
    end
  end

  --- Reading from the client: look() checks that what it sends in the end was not taken.
  local function reading(stage, client, first, rest, look)
    local function send() client:write(first, rest) end
    stage.alone = true
    stage.finish, stage.ready, stage.deliver = send, send, by_poll(send)
    stage.partial = by_poll(function() client:write(first) end)
    stage.intact = look
    stage.partial_intact = function()
      client:write(rest)
      look()
    end
    stage.usable = function()
      send()
      look()
    end
  end

  local function body_stage(call)
    return function()
      local stage, _, t, req, s = connected(POST)
      waits_for(stage, function() return call(req) end)
      reading(stage, t, "h", "ello", function() assert.are.equal("hello", req:body()) end)
      if call(req, true) then stage.partial = nil end
      stage.close = function() s:close() end
      return stage
    end
  end

  --- A file that is read over and over: its descriptor, and what ends it.
  local function large_file()
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write(("x"):rep(SIZE))
    file:close()
    local folder = files.folder(path:match "^(.*)/")
    local handle = folder:open(path:match "[^/]+$")
    os.remove(path)
    return handle, function()
      handle:close()
      folder:close()
    end
  end

  local function drain(stream)
    go(pcall, function()
      while stream:read_some() do end
    end)
  end

  return {
    { "next request", "http.next", function()
      local stage, conn, t = connected()
      waits_for(stage, function() return assert(conn:next()) end)
      reading(stage, t, GET:sub(1, 9), GET:sub(10), function() assert.are.equal("/", conn:next().path) end)
      return stage
    end },
    { "body of a request", "http.body", body_stage(function(req, asked)
      return not asked and req:body()
    end) },
    { "some of a request's body", "http.body", body_stage(function(req, asked)
      return asked or req:read_some()
    end) },
    { "piece of a response", "http.send", function()
      local stage, conn, t = connected(GET)
      conn:begin(200, {})
      waits_for(stage, function() return assert(conn:send(("x"):rep(SIZE))) end)
      stage.finish = function() drain(t) end
      stage.usable = function()
        drain(t)
        assert.is_true(conn:send "more")
        assert.is_true(conn:finish())
      end
      return stage
    end },
    { "file in a response", "http.send_file", function()
      local stage, conn = connected(GET)
      local handle, over = large_file()
      local over_before = stage.over
      conn:begin(200, { ["content-length"] = 2 * SIZE })
      waits_for(stage, function() return assert(conn:send_file(handle:fd(), 0, handle)) end)
      stage.alone = true
      stage.over = function()
        over()
        over_before()
      end
      return stage
    end },
    { "watch for the client to go", "http.watch", function()
      local stage, conn, t = connected(GET)
      waits_for(stage, function() return conn:watch() end)
      stage.alone = true
      stage.complete = function() conn:respond "x" end
      stage.usable = function()
        go(function() t:close() end)
        assert.is_true(conn:watch())
      end
      return stage
    end },
  }
end
