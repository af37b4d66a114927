--- driver.network: the measures of HTTP and WebSocket, servers and clients.
local fixtures = require "driver.fixtures"
local kinds = require "driver.kinds"
local shell = require "driver.shell"

--- Appends one goal per name: faster than each.
---@param goals bench.Goal[]
---@param ... string
---@return bench.Goal[]
local function ahead_of(goals, ...)
  for _, name in ipairs { ... } do
    goals[#goals + 1] = { text = "ahead of " .. name, of = "lull", to = name, max = 1 }
  end
  return goals
end

local hello <const> = {
  name = "http-hello",
  title = "HTTP hello, keep-alive, 64 connections: server CPU per request",
  dir = "http-hello",
  base = "C floor",
  who = { "C floor", "lull", "nginx", "evhttp", "go", "node", "uvicorn", "aiohttp" },
  tools = { "http_load" },
  kinds = { { "", kinds.http("-c 64 -l 5") } },
  goals = ahead_of({
    { text = "<= 1.4 x C floor", of = "lull", to = "C floor", max = 1.4 },
    { text = ">= 10 x aiohttp", of = "aiohttp", to = "lull", min = 10 },
  }, "nginx", "evhttp", "go", "node", "uvicorn"),
}

local tls <const> = {
  name = "http-tls",
  title = "HTTP hello over TLS 1.3, keep-alive, 64 connections: server CPU per request",
  dir = "http-tls",
  base = "nginx",
  who = { "nginx", "lull", "go", "node" },
  tools = { "http_load" },
  prepare = fixtures.certificate,
  kinds = { { "", kinds.http("-s -c 64 -l 5") } },
  goals = {
    { text = "<= 1.3 x nginx", of = "lull", to = "nginx", max = 1.3 },
  },
}

--- The lengths of the answers differ: Python puts spaces between.
local json <const> = {
  name = "http-json",
  title = "JSON echo of 1 KB, 50 routes, 64 connections: server CPU per request",
  dir = "http-json",
  base = "node",
  who = { "lull", "go", "node", "aiohttp", "fastapi" },
  tools = { "http_load" },
  kinds = { { "", kinds.http("-c 64 -p /things17/4711 -d {dir}/body.json") } },
  goals = ahead_of({
    { text = ">= 8 x fastapi", of = "fastapi", to = "lull", min = 8 },
  }, "node"),
}

local static <const> = {
  name = "http-static",
  title = "static file of 64 KiB, 64 connections: server CPU per request",
  dir = "http-static",
  base = "nginx",
  who = { "nginx", "lull", "go", "node", "aiohttp" },
  tools = { "http_load" },
  prepare = function(env)
    return fixtures.page(env, "64k", 65536)
  end,
  kinds = { { "", kinds.http("-c 64 -p /64k -l 65536") } },
  goals = {
    { text = "<= 1.5 x nginx with sendfile", of = "lull", to = "nginx", max = 1.5 },
  },
}

local websocket <const> = {
  name = "ws-echo",
  title = "WebSocket echo, 64 B, 50 connections: server CPU per round trip",
  dir = "ws-echo",
  base = "node ws",
  who = { "lull", "node ws", "aiohttp", "websockets" },
  tools = { "ws_load" },
  kinds = { { "", kinds.websocket(50, 64) } },
  goals = ahead_of({
    { text = ">= 4 x websockets", of = "websockets", to = "lull", min = 4 },
  }, "node ws"),
}

local NGINX <const> = "PATH=\"$PATH:/usr/sbin\" nginx -v"

--- What the clients fetch, and who serves it.
local function prepare_page(env)
  if not shell.succeeds(NGINX) then
    return "nginx is not installed"
  end
  return fixtures.page(env, "page", 30720)
end

--- Goals for the CPU time of the client, and the same for the wall time.
---@param goals bench.Goal[]
---@param first string    what ns is: "CPU" or "wall"
---@param second string   the other field
---@return bench.Goal[]
local function both_times(goals, first, second)
  for i = 1, #goals do
    local goal <const> = goals[i]
    local twin <const> = { by = second }
    for key, value in pairs(goal) do
      twin[key] = value
    end
    twin.text = ("%s: %s"):format(second, goal.text)
    goal.text = ("%s: %s"):format(first, goal.text)
    goals[#goals + 1] = twin
  end
  return goals
end

local fetch <const> = {
  name = "http-fetch",
  title = "1,000 pages of 30 KiB from nginx, 100 connections: client CPU and wall time per page",
  dir = "http-fetch",
  base = "curl multi",
  also = "wall",
  who = { "curl multi", "lull", "go", "node", "aiohttp" },
  tools = { "beside", "nginx_at" },
  prepare = prepare_page,
  kinds = { { "", kinds.fetching(1000, 100) } },
  goals = both_times(ahead_of({
    { text = "<= 1.25 x curl multi", of = "lull", to = "curl multi", max = 1.25 },
    { text = ">= 8 x aiohttp", of = "aiohttp", to = "lull", min = 8 },
    { text = ">= 8 x node fetch", of = "node", to = "lull", min = 8 },
  }, "go"), "CPU", "wall"),
}

local gather_goals <const> = both_times({
  { text = ">= 15 x aiohttp", of = "aiohttp", to = "lull", min = 15 },
}, "wall", "cpu")
gather_goals[#gather_goals + 1] =
  { text = "wall: ahead of curl + 5 ms", of = "lull", to = "curl", plus = 5e6, max = 1 }

local gather <const> = {
  name = "http-gather",
  title = "15 pages at once from nginx, start to end of the program: wall and CPU time",
  dir = "http-gather",
  base = "curl",
  also = "cpu",
  who = { "curl", "lull", "go", "node", "aiohttp" },
  tools = { "beside", "nginx_at" },
  prepare = prepare_page,
  kinds = { { "", kinds.fetching_once(9, 15) } },
  commands = {
    curl = "curl --no-progress-meter --parallel -o /dev/null {url}'?n=[1-15]'",
  },
  goals = gather_goals,
}

---@type bench.Measure[]
return { hello, tls, json, static, websocket, fetch, gather }
