--- lull.http.client: requests, one after the other until there is a response.
--
-- The native makes one exchange.  Names, redirections, retries and uploads are here, and so is
-- what must not leak: a redirection to another origin takes no credentials along.
local check = require "lull.check"
local lull = require "lull"
local native = require "lull.curl.native"
local proxy = require "lull.http.proxy"
local request = require "lull.http.request"
local response = require "lull.http.response"
local url = require "lull.http.url"

local client = {}

--- A client: a pool of connections, a cookie jar, limits and defaults.  A to-be-closed value.
---@class lull.http.Client
---@field private native userdata
---@field private defaults table  options
---@field private base table      metatable of plans
---@field private is_plain? true  its defaults ask for nothing special
local Client <const> = {}
Client.__index = Client
Client.__name = "lull.http.Client"

--- "GET http://host/path: ", for messages: the query may hold what is secret.
local function label_of(plan)
  return ("%s %s: "):format(plan.method, plan.url:match("^[^?]*"))
end

-- ---- names ----

local function is_name(host)
  return (host:find "%a" or host:find("_", 1, true)) and host:sub(1, 1) ~= "["
    and not host:find("[\128-\255]") and host ~= "localhost" -- curl knows that one
end

--- Look a name up, and add what was found to the list; nil where it needs none.
local function pin(list, plan, host, port)
  if not is_name(host) then return list end
  native.permit(host, port) -- before anybody is asked who that is
  local seconds <const> = math.min(plan.connect, plan.total or math.huge)
  local ok <const>, addresses <const>, proof <const> =
    pcall(require "lull.dns.lookup".resolve, host, { timeout = seconds < math.huge and seconds or nil })
  if not ok then
    if not lull.is_error(addresses) then error(addresses, 0) end
    error(lull.new_error(addresses.kind, label_of(plan) .. addresses.message,
      { op = "http.request", code = addresses.code, cause = addresses }), 0)
  end
  list = list or {}
  list[#list + 1] = { port, proof }
  return list
end

--- The proxy of the environment for this request; nil: none.
local function way_of(plan)
  local environment <const> = client.environment
  local way <const> = environment[plan.scheme]
  if not way or proxy.is_exempt(environment.except, plan.host) then return nil end
  if way.bad then
    error(lull.new_error("usage", ("%sthe variable %s is not %s"):format(label_of(plan), way.bad, proxy.FORM),
      { op = "http.request" }), 0)
  end
  return way
end

--- Say which proxy, and what the names stand for, so that curl looks up none.
local function route(plan)
  if plan.unix_socket then return end
  local way = plan.way
  if way == nil then way = way_of(plan) end
  local list
  if way then list = pin(nil, plan, way.host, way.port) end
  if not way or not way.remote then list = pin(list, plan, plan.host, plan.port) end
  plan.proxy, plan.resolve = way and way.url or nil, list
  if way or list then plan.plain, plan.special = nil, true end
end

-- ---- one exchange ----

--- Send a body beside waiting for the response.  What its source raises is raised here.
local function exchange_upload(self, plan)
  local transfer <const> = self.native:begin(plan)
  local failure
  local sending <const> = lull.async(function()
    local ok <const>, e <const> = pcall(require "lull.http.upload".send, transfer, plan.source)
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
  if plan.deadline then
    plan.plain, plan.total = nil, plan.deadline - lull.now()
    if plan.total <= 0 then
      error(lull.new_error("timeout", ("%sit took longer than %.14g s in all"):format(
        label_of(plan), plan.limit), { op = "http.request" }), 0)
    end
  end
  route(plan)
  if plan.source then return exchange_upload(self, plan) end
  return self.native:request(plan)
end

--- Exchange until it goes well, or the policy is at its end.
local function persist(self, plan)
  local policy <const> = plan.policy
  if not policy or plan.source then return exchange(self, plan) end
  local retry <const> = require "lull.http.retry"
  if not retry.allows(policy, plan.method) then return exchange(self, plan) end
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
  error(lull.new_error("http", label_of(plan) .. message, { op = "http.request" }), 0)
end

--- Follow a redirection, if this is one: then the plan is that of the next request.
local function follow(plan, status, head, count)
  if not REDIRECTIONS[status] or not plan.follow then return false end
  local location <const> = require "lull.http.headers".first(head, "location")
  if not location then return false end
  if count == plan.max_redirects then
    raise_http(plan, ("it was redirected more than %d times"):format(count))
  end
  local whole <const>, scheme <const>, host <const>, port <const> = url.resolve(plan.url, location)
  if not whole then raise_http(plan, "it was redirected to what is no URL to request: " .. scheme) end
  if not request.redirect(plan, status, whole, scheme, host, port) then
    raise_http(plan, "it was redirected, but its body cannot be sent twice")
  end
  return true
end

local function perform(self, plan)
  if plan.limit < math.huge then plan.deadline = lull.now() + plan.limit end
  local count = 0
  while true do
    local status <const>, head <const>, version <const>, content <const>, sending <const> =
      persist(self, plan)
    if not follow(plan, status, head, count) then
      return response.new(status, head, version, content, plan, count, sending)
    end
    count = count + 1
  end
end

local PLACES <const> = { method = 1, url = 1, options = 2 }
local REQUEST_PLACES <const> = { method = 1, url = 1, options = 1 }

local function call(self, name, method, target, opts)
  check.self(self, Client, name)
  check.type(opts, 2, name, "table", true)
  if opts then require "lull.http.options".check_request(opts, 2, name) end
  return perform(self, request.plan(self, method, target, opts, name, PLACES))
end

--- Make a request from a table: `url`, `method` ("GET"), and the options.
---@async
---@param opts lull.http.Request
---@return lull.http.Response   raises kinds dns, io, tls, http, timeout, limit, closed
function Client:request(opts)
  check.self(self, Client, "request")
  check.type(opts, 1, "request", "table")
  if type(opts.url) ~= "string" then check.fail(1, "request", "url must be a string, not " .. type(opts.url)) end
  local rest <const> = {}
  for key, value in pairs(opts) do
    if key ~= "url" and key ~= "method" then rest[key] = value end
  end
  require "lull.http.options".check_request(rest, 1, "request")
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
  check.self(self, Client, "download")
  return require "lull.http.download".run(self, target, path, opts)
end

--- The cookies of the jar.
---@return lull.http.Cookie[]
function Client:cookies()
  check.self(self, Client, "cookies")
  return require "lull.http.jar".list(self.native:cookies())
end

--- Put a cookie into the jar.
---@param cookie lull.http.Cookie
function Client:set_cookie(cookie)
  check.self(self, Client, "set_cookie")
  self.native:set_cookie(require "lull.http.jar".line(cookie))
end

--- Empty the jar.
function Client:clear_cookies()
  check.self(self, Client, "clear_cookies")
  self.native:set_cookie "ALL"
end

--- End it: what runs fails with `closed`, its connections are closed.
function Client:close()
  check.self(self, Client, "close")
  self.native:close()
end

Client.__close = Client.close

--- A client of its own pool, jar and defaults.
---@param opts? lull.http.ClientOptions
---@return lull.http.Client
function client.new(opts)
  check.type(opts, 1, "client", "table", true)
  if opts then require "lull.http.options".check_client(opts, 1, "client") end
  return client.make(opts or {}, not opts or opts.cookies ~= false)
end

--- The same, unchecked.
---@param opts table
---@param cookies boolean
---@return lull.http.Client
function client.make(opts, cookies)
  client.environment = client.environment or proxy.environment()
  local defaults <const> = request.defaults(opts)
  return setmetatable({
    native = native.client {
      max_connections = opts.max_connections, max_per_host = opts.max_per_host,
      max_idle = opts.max_idle, cookies = cookies, headers = defaults.headers,
      connect = defaults.connect, first_byte = defaults.first_byte, idle = defaults.idle,
      max_body = defaults.max_body, follow = defaults.follow,
    },
    defaults = opts, base = { __index = defaults }, is_plain = not defaults.special or nil,
  }, Client)
end

return client
