--- lull.http: HTTP for scripts, both ends.
--
-- The two halves load when they are first used: a server needs no libcurl, and a client no
-- server.  The functions here share one client, which keeps no cookies.
local http = {}

local half, shared

--- The client half; raises one clear line where lull was built without libcurl.
local function load()
  local ok <const>, result <const> = pcall(require, "lull.curl.native")
  if not ok then
    if tostring(result):find("module 'lull.curl.native' not found", 1, true) then
      error("the client of lull.http needs libcurl, which this build of lull was made without", 3)
    end
    error(result, 0)
  end
  half = require "lull.http.client"
  shared = half.make({}, false)
end

--- Make a request from a table: `url`, `method`, and the options.
---@async
---@param opts lull.http.Request
---@return lull.http.Response   raises kinds dns, io, tls, http, timeout, limit, closed
function http.request(opts)
  if not shared then load() end
  return shared:request(opts)
end

for _, name in ipairs { "get", "post", "put", "patch", "delete", "head" } do
  http[name] = function(url, opts)
    if not shared then load() end
    return shared[name](shared, url, opts)
  end
end

--- Fetch a file: into a temporary one beside `path`, which is renamed when it is complete.
---@async
---@param url string
---@param path string
---@param opts? lull.http.DownloadOptions
---@return lull.http.Response  without its body
function http.download(url, path, opts)
  if not shared then load() end
  return shared:download(url, path, opts)
end

--- A client of its own: connections, cookies, limits, defaults.
---@param opts? lull.http.ClientOptions
---@return lull.http.Client
function http.client(opts)
  if not shared then load() end
  return half.new(opts)
end

--- Start a server; see lull.http.server.
---@param ... any
---@return any
function http.serve(...)
  return require "lull.http.server".serve(...)
end

--- A response of server-sent events; see lull.http.sse.
---@param ... any
---@return any
function http.sse(...)
  return require "lull.http.sse".new(...)
end

--- A router for a server; see lull.http.router.
---@param ... any
---@return any
function http.router(...)
  return require "lull.http.router".new(...)
end

return http
