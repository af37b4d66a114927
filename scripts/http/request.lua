--- lull.http.request: from what a script asks for to what the native is told.
local check = require "lull.check"
local headers = require "lull.http.headers"
local options = require "lull.http.options"
local proxy = require "lull.http.proxy"
local retry = require "lull.http.retry"
local upload = require "lull.http.upload"
local url = require "lull.http.url"

local request = {}

--- A request on its way: it changes with every redirection.
---@class lull.http.Plan
---@field spec table        what the native is told
---@field url lull.http.Url
---@field source? fun(): string?  of a body that is sent piece by piece
---@field proxy? table|false  as the script said; nil: as the environment says
---@field max_redirects integer
---@field max_body integer
---@field total number      seconds for everything; infinite: no limit
---@field policy? lull.http.Retries

--- Fields that lull writes itself, or that would change where a message ends.
local RESERVED <const> = { ["transfer-encoding"] = true, ["proxy-connection"] = true }
--- Fields that are for the proxy.
local FOR_PROXY <const> = { ["proxy-authorization"] = true }

local function add_line(lines, name, value)
  if value == false then
    lines[#lines + 1] = name .. ":" -- curl leaves out what it would write
  elseif value == "" then
    lines[#lines + 1] = name .. ";"
  else
    lines[#lines + 1] = ("%s: %s"):format(name, value)
  end
end

--- Fields by lower-case name, each {name, value}: those of the client, and over them those of
--- the request.
local function merge(fields, more)
  for name, value in pairs(more or {}) do fields[name:lower()] = { name, value } end
  return fields
end

--- Lines for curl, in the order of the names, and those for a proxy.
local function write_lines(fields)
  local names <const>, lines <const> = {}, {}
  local for_proxy
  for lower in pairs(fields) do names[#names + 1] = lower end
  table.sort(names)
  for _, lower in ipairs(names) do
    local name <const>, value <const> = fields[lower][1], fields[lower][2]
    local list = lines
    if FOR_PROXY[lower] then
      for_proxy = for_proxy or {}
      list = for_proxy
    end
    for _, one in ipairs(type(value) == "table" and value or { value }) do add_line(list, name, one) end
    if value == false then add_line(list, name, value) end
  end
  return lines, for_proxy
end

--- What every request of a client says, where it says nothing else.
---@param defaults table  options
---@return string[]
function request.plain_lines(defaults)
  local fields <const> = merge({ ["user-agent"] = { "User-Agent", options.USER_AGENT } }, defaults.headers)
  local lines <const> = write_lines(fields)
  return lines
end

--- The size that a script names for a streamed body; nil: it does not.
local function take_length(plan, fields, argument, name)
  local field <const> = fields["content-length"]
  if not field then return end
  local length <const> = math.tointeger(tonumber(field[2]))
  local body <const> = plan.spec.body
  fields["content-length"] = nil
  if not length or length < 0 or not plan.source and length ~= #(body or "") then
    check.fail(argument, name, "Content-Length is not the length of the body")
  end
  if plan.source then plan.spec.upload = length end
end

local function set_headers(plan, client, opts, content_type, argument, name)
  local spec <const> = plan.spec
  if not opts.headers and not content_type and spec.body == nil and not plan.source then
    spec.headers = client.lines
    return
  end
  local fields <const> = merge({ ["user-agent"] = { "User-Agent", options.USER_AGENT } },
    client.defaults.headers)
  merge(fields, opts.headers)
  for lower in pairs(RESERVED) do
    if fields[lower] then check.fail(argument, name, fields[lower][1] .. " is not yours to set") end
  end
  take_length(plan, fields, argument, name)
  if spec.body or plan.source then
    -- Without these curl would call every body a form, and wait for a 100.
    fields["content-type"] = fields["content-type"] or { "Content-Type", content_type or false }
    fields["expect"] = fields["expect"] or { "Expect", false }
  end
  if fields["accept-encoding"] then spec.raw = true end
  spec.headers, spec.proxy_headers = write_lines(fields)
  plan.has_authorization = fields["authorization"] ~= nil
end

local function set_auth(plan, auth)
  local spec <const> = plan.spec
  if auth.bearer then
    spec.headers = table.move(spec.headers, 1, #spec.headers, 1, {})
    spec.headers[#spec.headers + 1] = "Authorization: Bearer " .. auth.bearer
  else
    spec.user, spec.password, spec.digest = auth.user, auth.password or "", auth.digest
  end
end

local function cookie_line(cookies)
  local list <const> = {}
  for name, value in pairs(cookies) do list[#list + 1] = name .. "=" .. value end
  table.sort(list)
  return table.concat(list, "; ")
end

local STANDARD <const> = {
  GET = true, HEAD = true, POST = true, PUT = true, PATCH = true, DELETE = true, OPTIONS = true, TRACE = true,
}

--- A method: the usual ones may be written in lower case.
local function check_method(method, argument, name)
  if not headers.is_token(method) or method:upper() == "CONNECT" then
    check.fail(argument, name, "not a method for a request")
  end
  local upper <const> = method:upper()
  return STANDARD[upper] and upper or method
end

local function check_url(target, query, argument, name)
  check.type(target, argument, name, "string")
  local parts <const>, why <const> = url.parse(target)
  if not parts then check.fail(argument, name, "not a URL to request: " .. why) end
  if query then
    parts.url = url.with_query(parts.url, query)
    if parts.url:find("[\0-\32\127-\255]") then check.fail(argument, name, "the query is not encoded") end
  end
  return parts
end

--- Bodies that are empty, but are there: POST without any has a Content-Length of 0.
local HAS_BODY <const> = { POST = true, PUT = true, PATCH = true }

local function set_body(plan, opts, argument, name)
  local spec <const> = plan.spec
  local body <const>, content_type <const> = upload.of(opts, argument, name)
  if type(body) == "string" then
    spec.body = body
  elseif body then
    plan.source = body
    spec.upload = true
  elseif HAS_BODY[spec.method] then
    spec.body = ""
  end
  if body and spec.method == "HEAD" then check.fail(argument, name, "HEAD has no body") end
  return content_type
end

--- Where arguments of the public function stand.
---@class lull.http.Places
---@field method integer
---@field url integer
---@field options integer

local function pick(given, default)
  if given == nil then return default end
  return given
end

local PER_REQUEST <const> = { "verify", "ca_file", "cert", "key", "unix_socket", "http_version" }

--- Plan a request.
---@param client lull.http.Client
---@param method string
---@param target string
---@param opts table   checked
---@param name string  of the public function
---@param places lull.http.Places
---@return lull.http.Plan
function request.plan(client, method, target, opts, name, places)
  local defaults <const> = client.defaults
  local parts <const> = check_url(target, opts.query, places.url, name)
  local times <const> = options.times(pick(opts.timeout, defaults.timeout))
  local max_body <const> = pick(opts.max_body, defaults.max_body)
  local spec <const> = setmetatable({
    url = parts.url, host = parts.host, method = check_method(method, places.method, name),
    stream = opts.stream, connect = times.connect, first_byte = times.first_byte,
    max_body = max_body or not opts.stream and options.MAX_BODY or nil,
  }, client.base)
  for _, key in ipairs(PER_REQUEST) do spec[key] = opts[key] end
  if not opts.stream or opts.timeout then spec.idle = times.idle end
  local plan <const> = {
    spec = spec, url = parts, total = times.total, max_body = max_body or options.MAX_BODY,
    proxy = pick(opts.proxy, defaults.proxy),
    max_redirects = pick(opts.max_redirects, defaults.max_redirects) or options.MAX_REDIRECTS,
    policy = retry.policy(pick(opts.retries, defaults.retries)),
  }
  local content_type <const> = set_body(plan, opts, places.options, name)
  set_headers(plan, client, opts, content_type, places.options, name)
  local auth = opts.auth or not plan.has_authorization and defaults.auth
  if not auth and parts.user and not plan.has_authorization then
    auth = { user = parts.user, password = parts.password }
  end
  if opts.auth and plan.has_authorization and opts.headers then
    check.fail(places.options, name, "auth and an Authorization header exclude each other")
  end
  if auth then set_auth(plan, auth) end
  if opts.cookies and next(opts.cookies) then spec.cookies = cookie_line(opts.cookies) end
  spec.follow = plan.max_redirects > 0
  if type(plan.proxy) == "string" then plan.proxy = proxy.parse(plan.proxy) end
  return plan
end

-- ---- redirections ----

local SECRET <const> = { "^authorization[:;]", "^cookie[:;]" }

--- Leave out what was meant for another origin: scheme, host or port differ.
local function drop_secrets(spec)
  local lines <const> = {}
  for _, line in ipairs(spec.headers) do
    local lower <const> = line:lower()
    if not lower:find(SECRET[1]) and not lower:find(SECRET[2]) then lines[#lines + 1] = line end
  end
  spec.headers = lines
  spec.user, spec.password, spec.digest, spec.cookies = nil, nil, nil, nil
end

--- Fields about a body that is no longer sent.
local function drop_body(plan)
  local spec <const>, lines <const> = plan.spec, {}
  for _, line in ipairs(spec.headers) do
    local lower <const> = line:lower()
    if not lower:find("^content%-") and not lower:find("^expect[:;]") then lines[#lines + 1] = line end
  end
  spec.headers, spec.body, spec.upload, plan.source = lines, nil, nil, nil
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
---@param target lull.http.Url
---@return boolean  false: its body was sent, and cannot be sent once more
function request.redirect(plan, status, target)
  local spec <const> = plan.spec
  local method <const> = next_method(status, spec.method)
  if method ~= spec.method then
    spec.method = method
    drop_body(plan)
  elseif plan.source then
    return false
  end
  if target.origin ~= plan.url.origin then drop_secrets(spec) end
  plan.url = target
  spec.url, spec.host = target.url, target.host
  return true
end

return request
