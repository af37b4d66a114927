--- proxy.lua: a reverse proxy: every request goes on to another server, bodies as they come.
--
--   lull examples/proxy.lua http://127.0.0.1:9000 [port]
--
-- Neither side can make it hold more than a few hundred KiB: who sends fast waits for who reads slowly.
local http = require "lull.http"
local lull = require "lull"

--- Fields that are about one connection, not about the message (RFC 9110, 7.6.1).
local hop_by_hop <const> = {
  ["connection"] = true, ["keep-alive"] = true, ["proxy-authenticate"] = true,
  ["proxy-authorization"] = true, ["proxy-connection"] = true, ["te"] = true,
  ["trailer"] = true, ["transfer-encoding"] = true, ["upgrade"] = true,
}

--- The fields of a message that go on.  Those that Connection names stay here, too.
local function end_to_end(headers)
  local kept <const> = {}
  local dropped <const> = setmetatable({}, { __index = hop_by_hop })
  for name in (headers.connection or ""):gmatch "[^%s,]+" do dropped[name:lower()] = true end
  for name, value in pairs(headers) do
    if not dropped[name:lower()] then kept[name] = value end
  end
  return kept
end

local target <const>, port <const> = ...
if not target or not target:find "^https?://[^/]+/?$" then
  io.stderr:write "usage: lull examples/proxy.lua http://host:port [port]\n"
  os.exit(1)
end
local origin <const> = target:gsub("/$", "")
local client <const> = http.client { max_per_host = 100, max_redirects = 0 }

--- The chunks of the body of a request, nil without one.
local function body_of(req)
  if not req.headers["content-length"] and not req.headers["transfer-encoding"] then return nil end
  return function() return req:read_some() end
end

local function forward(req)
  local headers <const> = end_to_end(req.headers)
  headers["host"] = nil
  --- Who names the encodings gets the body as it is sent.
  headers["accept-encoding"] = headers["accept-encoding"] or "identity"
  headers["content-length"] = req.headers["content-length"]
  headers["x-forwarded-for"] = req.peer
  headers["x-forwarded-host"] = req.host
  local ok <const>, answer <const> = pcall(client.request, client, {
    method = req.method, url = origin .. req.target, headers = headers, body = body_of(req),
    stream = true,
  })
  if not ok then
    io.stderr:write(("%s %s: %s\n"):format(req.method, req.target, answer))
    local late <const> = lull.is_error(answer, "timeout")
    return { status = late and 504 or 502, body = "the server behind does not answer\n" }
  end
  return {
    status = answer.status,
    headers = end_to_end(answer.headers),
    body = function() return answer:read_some() end,
  }
end

local server <const> = http.serve({ port = tonumber(port) or 8080, grace = 10 }, forward)
print(("http://127.0.0.1:%d -> %s"):format(server.port, origin))
io.stdout:flush()
server:wait()
