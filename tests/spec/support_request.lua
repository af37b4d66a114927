--- support_request.lua: what the specs of what stands above the HTTP server share: requests without a
--- connection, and a way to take responses apart.

local here = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local support = setmetatable({}, { __index = dofile(here .. "support_net.lua") })

--- A request as the server makes one.  `fields` go over what is usual; a `body` comes in `pieces`
--- or whole.
function support.request(method, path, fields)
  local req = {
    method = method, path = path, target = path, host = "test", headers = {}, query = {},
    cookies = {}, peer = "127.0.0.1", id = "1",
  }
  for key, value in pairs(fields or {}) do req[key] = value end
  local pieces = req.pieces or { type(req.body) == "string" and req.body or nil }
  local at = 0
  function req:read_some()
    at = at + 1
    return pieces[at]
  end
  function req:body() return table.concat(pieces) end
  return req
end

--- The body of a response, whatever it is.
function support.body(response)
  if type(response) == "string" then return response end
  local body = response.body
  if body == nil or type(body) == "string" then return body end
  local parts = {}
  for part in body do parts[#parts + 1] = part end
  return table.concat(parts)
end

return support
