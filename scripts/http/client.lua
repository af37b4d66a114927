--- lull.http.client: requests, one after the other until there is a response.
--
-- The native makes one exchange.  Names, redirections, retries and uploads are here, and so is
-- what must not leak: a redirection to another origin takes no credentials along.
local check = require "lull.check"
local connect = require "lull.net.connect"
local headers = require "lull.http.headers"
local lull = require "lull"
local native = require "lull.curl.native"
local options = require "lull.http.options"
local proxy = require "lull.http.proxy"
local request = require "lull.http.request"
local response = require "lull.http.response"
local retry = require "lull.http.retry"
local upload = require "lull.http.upload"
local url = require "lull.http.url"

local client = {}

--- A client: a pool of connections, a cookie jar, limits and defaults.  A to-be-closed value.
---@class lull.http.Client
---@field private native userdata
---@field private defaults table    options
---@field private base table        metatable of what the native is told
---@field private lines string[]    header lines of a request that says nothing else
local Client <const> = {}
Client.__index = Client
Client.__name = "lull.http.Client"

--- "GET http://host/path: ", for messages: the query may hold what is secret.
local function label_of(spec)
  return ("%s %s: "):format(spec.method, spec.url:match("^[^?]*"))
end

-- ---- names ----

local resolve

--- lull.dns caches and asks once for many; without it every request looks up.
local function resolver()
  local ok <const>, dns <const> = pcall(require, "lull.dns")
  return ok and dns.resolve or connect.addresses
end

local function is_name(host)
  return host:find("[%a_]") and host:sub(1, 1) ~= "[" and not host:find("[\128-\255]")
    and host ~= "localhost" and host ~= "localhost."
end

--- Curl's form of a name's addresses; nil where it needs none.
local function pin(list, spec, host, port, seconds)
  if not is_name(host) then return list end
  resolve = resolve or resolver()
  local ok <const>, addresses <const> = pcall(lull.timeout, seconds, resolve, host)
  if not ok then
    if not lull.is_error(addresses) then error(addresses, 0) end
    local late <const> = addresses.kind == "timeout" and ("%s: no address in %.14g s"):format(host, seconds)
    error(lull.new_error(addresses.kind, label_of(spec) .. (late or addresses.message),
      { op = "http.request", code = addresses.code, cause = addresses }), 0)
  end
  list = list or {}
  list[#list + 1] = ("+%s:%d:%s"):format(host, port, table.concat(addresses, ","))
  return list
end

--- Say which proxy, and what the names stand for, so that curl looks up none.
local function route(plan)
  local spec <const>, target <const> = plan.spec, plan.url
  local way = plan.proxy
  if way == nil and not spec.unix_socket then
    local environment <const> = client.environment
    way = environment[target.scheme]
    if way and proxy.is_exempt(environment.except, target.host) then way = nil end
  end
  spec.proxy = way and way.url or nil
  spec.resolve = nil
  if spec.unix_socket then return end
  local seconds <const> = math.min(spec.connect or math.huge, spec.total or math.huge)
  if way then spec.resolve = pin(nil, spec, way.host, way.port, seconds) end
  if not way or not way.remote then
    spec.resolve = pin(spec.resolve, spec, target.host, target.port, seconds)
  end
end

-- ---- one exchange ----

--- Send a body beside waiting for the response.  What its source raises is raised here.
local function exchange_upload(self, plan)
  local transfer <const> = self.native:begin(plan.spec)
  local failure
  local sending <const> = lull.async(function()
    local ok <const>, e <const> = pcall(upload.send, transfer, plan.source)
    if ok then return end
    failure = { e }
    transfer:close()
  end)()
  sending.name = "http upload"
  local _ <close> = setmetatable({}, { __close = function(_, err)
    if err ~= nil then
      transfer:close()
      sending:cancel()
    end
  end })
  local result <const> = table.pack(pcall(transfer.await, transfer))
  if failure then error(failure[1], 0) end
  if not result[1] then error(result[2], 0) end
  if type(result[5]) == "string" then sending:cancel() else result[6] = sending end
  return table.unpack(result, 2, 6)
end

local function exchange(self, plan)
  local spec <const> = plan.spec
  if plan.deadline then
    spec.total = plan.deadline - lull.now()
    if spec.total <= 0 then
      error(lull.new_error("timeout", label_of(spec) .. "it took too long in all",
        { op = "http.request" }), 0)
    end
  end
  route(plan)
  if plan.source then return exchange_upload(self, plan) end
  return self.native:request(spec)
end

--- Exchange until it goes well, or the policy is at its end.
local function persist(self, plan)
  local policy <const> = plan.policy
  if plan.source or not retry.allows(policy, plan.spec.method) then return exchange(self, plan) end
  local count = 0
  while true do
    local result <const> = table.pack(pcall(exchange, self, plan))
    count = count + 1
    local pause
    if result[1] then
      pause = retry.delay(policy, count, result[2], result[3])
    else
      pause = retry.delay(policy, count, nil, nil, result[2])
    end
    if pause and plan.deadline and lull.now() + pause >= plan.deadline then pause = nil end
    if not pause then
      if not result[1] then error(result[2], 0) end
      return table.unpack(result, 2, result.n)
    end
    if result[1] and type(result[5]) ~= "string" then result[5]:close() end
    lull.sleep(pause)
  end
end

-- ---- a request ----

local REDIRECTIONS <const> = { [301] = true, [302] = true, [303] = true, [307] = true, [308] = true }

local function raise_http(plan, message)
  error(lull.new_error("http", label_of(plan.spec) .. message, { op = "http.request" }), 0)
end

--- Where a response sends us on to; nil: nowhere.
local function next_target(plan, status, head)
  if not REDIRECTIONS[status] or plan.max_redirects == 0 then return nil end
  local location <const> = headers.first(head, "location")
  if not location then return nil end
  local target <const>, why <const> = url.resolve(plan.url, location)
  if not target then raise_http(plan, "it was redirected to what is no URL to request: " .. why) end
  return target
end

local function perform(self, plan)
  if plan.total < math.huge then plan.deadline = lull.now() + plan.total end
  local count = 0
  while true do
    local status <const>, head <const>, version <const>, content <const>, sending <const> =
      persist(self, plan)
    local target <const> = next_target(plan, status, head)
    if not target then
      local made <const> =
        response.new(status, head, version, content, plan.url.url, plan.max_body)
      made.redirects, made.sending = count, sending
      return made
    end
    count = count + 1
    if count > plan.max_redirects then
      raise_http(plan, ("it was redirected more than %d times"):format(plan.max_redirects))
    end
    if not request.redirect(plan, status, target) then
      raise_http(plan, "it was redirected, but its body cannot be sent twice")
    end
  end
end

local NONE <const> = {}
local PLACES <const> = { method = 1, url = 1, options = 2 }
local REQUEST_PLACES <const> = { method = 1, url = 1, options = 1 }

local function call(self, name, method, target, opts)
  check.type(opts, 2, name, "table", true)
  if opts then options.check_request(opts, 2, name) end
  return perform(self, request.plan(self, method, target, opts or NONE, name, PLACES))
end

--- Make a request from a table: `url`, `method` ("GET"), and the options.
---@async
---@param opts lull.http.Request
---@return lull.http.Response   raises kinds dns, io, tls, http, timeout, limit, closed
function Client:request(opts)
  check.type(opts, 1, "request", "table")
  local rest <const> = {}
  for key, value in pairs(opts) do
    if key ~= "url" and key ~= "method" then rest[key] = value end
  end
  options.check_request(rest, 1, "request")
  return perform(self, request.plan(self, opts.method or "GET", opts.url, rest, "request", REQUEST_PLACES))
end

for name, method in pairs {
  get = "GET", post = "POST", put = "PUT", patch = "PATCH", delete = "DELETE", head = "HEAD",
} do
  Client[name] = function(self, target, opts) return call(self, name, method, target, opts) end
end

--- Fetch a file; see lull.http.download.
---@async
---@param target string
---@param path string
---@param opts? lull.http.DownloadOptions
---@return lull.http.Response  without its body
function Client:download(target, path, opts)
  return require "lull.http.download".run(self, target, path, opts)
end

--- The cookies of the jar.
---@return lull.http.Cookie[]
function Client:cookies()
  return require "lull.http.jar".list(self.native:cookies())
end

--- Put a cookie into the jar.
---@param cookie lull.http.Cookie
function Client:set_cookie(cookie)
  self.native:set_cookie(require "lull.http.jar".line(cookie))
end

--- Empty the jar.
function Client:clear_cookies()
  self.native:set_cookie "ALL"
end

--- End it: what runs fails with `closed`, its connections are closed.
function Client:close()
  self.native:close()
end

Client.__close = Client.close

--- A client of its own pool, jar and defaults.
---@param opts? lull.http.ClientOptions
---@return lull.http.Client
function client.new(opts)
  check.type(opts, 1, "client", "table", true)
  options.check_client(opts or NONE, 1, "client")
  return client.make(opts or NONE, not opts or opts.cookies ~= false)
end

--- The same, unchecked.
---@param opts table
---@param cookies boolean
---@return lull.http.Client
function client.make(opts, cookies)
  client.environment = client.environment or proxy.environment()
  local base <const> = {}
  for _, key in ipairs { "verify", "ca_file", "cert", "key", "unix_socket", "http_version" } do
    base[key] = opts[key]
  end
  return setmetatable({
    native = native.client {
      max_connections = opts.max_connections, max_per_host = opts.max_per_host,
      max_idle = opts.max_idle, cookies = cookies,
    },
    defaults = opts, base = { __index = base }, lines = request.plain_lines(opts),
  }, Client)
end

return client
