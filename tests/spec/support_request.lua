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

--- When the files of support.folder were changed last.
support.OLD = 1700000000 -- Tue, 14 Nov 2023 22:13:20 GMT

--- Run a command of the shell.
function support.sh(command, ...)
  assert(os.execute(command:format(...)), command)
end

--- Write a file, as old as support.OLD.
function support.write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  support.sh("touch -d @%d '%s'", support.OLD, path)
end

--- A folder with a file beside it that is nobody's business.
function support.folder()
  local outer = os.tmpname()
  os.remove(outer)
  support.sh("mkdir -p %s/root/sub %s/root/.hidden", outer, outer)
  local root = outer .. "/root"
  support.write(outer .. "/secret", "secret")
  support.write(root .. "/a.txt", "0123456789")
  support.write(root .. "/index.html", "<index>")
  support.write(root .. "/sub/b.js", "b")
  support.write(root .. "/.env", "hidden")
  support.write(root .. "/.hidden/x", "hidden")
  support.write(root .. "/empty", "")
  return root, outer, setmetatable({}, { __close = function() support.sh("rm -rf %s", outer) end })
end

--- Answer a request, read the body of the response, and close it as the server does.
function support.ask(handler, method, path, headers, fields)
  local req = support.request(method, path, fields)
  req.headers = headers or {}
  local response = handler(req)
  if response.file then
    local file, parts = response.file, {}
    local left = file.length
    while left > 0 do
      local part = assert(file.handle:read(file.offset + file.length - left, left))
      parts[#parts + 1] = part
      left = left - #part
    end
    file.handle:close()
    response.text = table.concat(parts)
    if #response.text ~= response.headers["content-length"] then error "wrong content-length" end
  elseif type(response.body) == "table" then
    local parts = {}
    for part in response.body do parts[#parts + 1] = part end
    response.body:close()
    response.text = table.concat(parts)
    if #response.text ~= response.headers["content-length"] then error "wrong content-length" end
  else
    response.text = response.body
  end
  return response
end

return support
