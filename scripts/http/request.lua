--- lull.http.request: from what a script asks for to what the native is told.
local check = require "lull.check"
local defaults = require "lull.http.defaults"
local url = require "lull.http.url"

local request = {}

--- A request on its way: what the native is told, and what is needed to go on after a
--- redirection.  What it does not name is as the client has it, by its metatable.
---@class lull.http.Plan
---@field url string
---@field scheme string
---@field host string
---@field port integer
---@field method string
---@field plain? boolean     it is a GET, and in everything else as the client has it
---@field special? boolean   it has anything but url, method, stream, follow, max_body and times
---@field source? fun(): string?  of a body that is sent piece by piece
---@field way? table|false   the proxy that was named; nil: as the environment says
---@field max_redirects integer
---@field whole integer      bytes of a body that is read as a whole
---@field limit? number      seconds for everything
---@field policy? lull.http.Retries

--- Where arguments of the public function stand.
---@class lull.http.Places
---@field method integer
---@field url integer
---@field options integer

--- Those that every request of a client has, unless it says otherwise.
---@param opts table  checked
---@return table
function request.defaults(opts)
  local base <const> = { headers = { "User-Agent: " .. defaults.USER_AGENT } }
  if next(opts) then
    local special <const> = require "lull.http.special"
    base.headers = special.default_lines(opts)
    special.set_options(base, opts)
  end
  base.max_redirects = base.max_redirects or defaults.MAX_REDIRECTS
  base.follow = base.max_redirects > 0
  base.max_body = opts.max_body or defaults.MAX_BODY
  base.whole = base.max_body
  base.special = base.special or opts.auth ~= nil
  if not opts.timeout then defaults.set_times(base, nil) end
  return base
end

--- Plan a request.
---@param client lull.http.Client
---@param method string
---@param target string
---@param opts? table   checked
---@param name string  of the public function
---@param places lull.http.Places
---@return lull.http.Plan
function request.plan(client, method, target, opts, name, places)
  check.type(target, places.url, name, "string")
  local whole <const>, scheme <const>, host <const>, port <const>, user <const>, password <const> =
    url.parse(target)
  if not whole then check.fail(places.url, name, "not a URL to request: " .. scheme) end
  local plan <const> = setmetatable({
    url = whole, scheme = scheme, host = host, port = port, method = method,
    plain = not opts and not user and method == "GET" and client.is_plain,
  }, client.base)
  if not plan.plain then
    require "lull.http.special".plan(plan, client, opts or {}, user, password, places, name)
  end
  return plan
end

-- ---- redirections ----

--- Lines but those with these names.
local function without(lines, patterns)
  local kept <const> = {}
  for _, line in ipairs(lines) do
    local lower <const>, drop = line:lower(), false
    for _, pattern in ipairs(patterns) do drop = drop or lower:find(pattern) ~= nil end
    if not drop then kept[#kept + 1] = line end
  end
  return kept
end

--- Leave out what was meant for another origin: scheme, host or port differ.  Certificates may
--- be those of the client, so that leaving the plan's out would not do.
local function drop_secrets(plan)
  plan.plain, plan.special = nil, true
  plan.headers = without(plan.headers, { "^authorization[:;]", "^cookie[:;]", "^host[:;]" })
  plan.user, plan.password, plan.digest, plan.cookies = nil, nil, nil, nil
  plan.cert, plan.key = false, false
end

--- Fields about a body that is no longer sent go with it.
local function drop_body(plan)
  plan.plain, plan.special = nil, true
  plan.headers = without(plan.headers, { "^content%-", "^expect[:;]" })
  plan.body, plan.upload, plan.source = nil, nil, nil
end

--- The method after a redirection, as browsers have it (RFC 9110, 15.4).
local function next_method(status, method)
  if status == 303 and method ~= "HEAD" then return "GET" end
  if (status == 301 or status == 302) and method == "POST" then return "GET" end
  return method
end

--- Turn a plan into that of the request that a redirection asks for.
---@param plan lull.http.Plan
---@param status integer
---@param whole string
---@param scheme string
---@param host string
---@param port integer
---@return boolean  false: its body was sent, and cannot be sent once more
function request.redirect(plan, status, whole, scheme, host, port)
  local method <const> = next_method(status, plan.method)
  if method ~= plan.method then
    plan.method = method
    drop_body(plan)
  elseif plan.source then
    return false
  end
  if scheme ~= plan.scheme or host ~= plan.host or port ~= plan.port then drop_secrets(plan) end
  plan.url, plan.scheme, plan.host, plan.port = whole, scheme, host, port
  return true
end

return request
