--- lull.http.request: from what a script asks for to what the native is told.
local check = require "lull.check"
local headers = require "lull.http.headers"
local options = require "lull.http.options"
local proxy = require "lull.http.proxy"
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
function request.default_lines(defaults)
  local fields <const> = merge({ ["user-agent"] = { "User-Agent", options.USER_AGENT } }, defaults.headers)
  local lines <const> = write_lines(fields)
  return lines
end

--- The size that a script names for a streamed body; nil: it does not.
local function take_length(plan, fields, argument, name)
  local field <const> = fields["content-length"]
  if not field then return end
  local length <const> = math.tointeger(tonumber(field[2]))
  local body <const> = plan.body
  fields["content-length"] = nil
  if not length or length < 0 or not plan.source and length ~= #(body or "") then
    check.fail(argument, name, "Content-Length is not the length of the body")
  end
  if plan.source then plan.upload = length end
end

--- Header lines, where they are not those that every request of the client has.
local function set_headers(plan, client, opts, content_type, argument, name)
  local has_body <const> = plan.body or plan.source
  local fields <const> = merge({ ["user-agent"] = { "User-Agent", options.USER_AGENT } },
    client.defaults.headers)
  merge(fields, opts.headers)
  for lower in pairs(RESERVED) do
    if fields[lower] then check.fail(argument, name, fields[lower][1] .. " is not yours to set") end
  end
  take_length(plan, fields, argument, name)
  if has_body then
    -- Without these curl would call every body a form, and wait for a 100.
    fields["content-type"] = fields["content-type"] or { "Content-Type", content_type or false }
    fields["expect"] = fields["expect"] or { "Expect", false }
  end
  if fields["accept-encoding"] then plan.raw = true end
  plan.headers, plan.proxy_headers = write_lines(fields)
  return fields["authorization"] ~= nil
end

local function set_auth(plan, auth)
  if auth.bearer then
    plan.headers[#plan.headers + 1] = "Authorization: Bearer " .. auth.bearer
  else
    plan.user, plan.password, plan.digest = auth.user, auth.password or "", auth.digest
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

--- Bodies that are empty, but are there: POST without any has a Content-Length of 0.
local HAS_BODY <const> = { POST = true, PUT = true, PATCH = true }

local function set_body(plan, opts, argument, name)
  local body, content_type
  if opts.body ~= nil or opts.json ~= nil or opts.form or opts.multipart then
    body, content_type = require "lull.http.upload".of(opts, argument, name)
  end
  if type(body) == "string" then
    plan.body = body
  elseif body then
    plan.source = body
    plan.upload = true
  elseif HAS_BODY[plan.method] then
    plan.body = ""
  end
  if body and plan.method == "HEAD" then check.fail(argument, name, "HEAD has no body") end
  return content_type
end

--- Where arguments of the public function stand.
---@class lull.http.Places
---@field method integer
---@field url integer
---@field options integer

--- Options that the native, or the client, takes as they are.
local PLAIN <const> = { "stream", "max_body", "max_redirects" }
local SPECIAL <const> = { "verify", "ca_file", "crl_file", "cert", "key", "unix_socket", "http_version" }

--- Those that every request of a client has, unless it says otherwise.
---@param opts table  checked
---@return table
function request.defaults(opts)
  local base <const> = { headers = request.default_lines(opts) }
  request.set_options(base, opts)
  base.max_redirects = base.max_redirects or options.MAX_REDIRECTS
  base.follow = base.max_redirects > 0
  base.max_body = opts.max_body or options.MAX_BODY
  base.whole = base.max_body
  base.special = base.special or opts.auth ~= nil
  if not opts.timeout then options.set_times(base, nil) end
  return base
end

--- Copy what options say.
function request.set_options(plan, opts)
  for _, key in ipairs(PLAIN) do plan[key] = opts[key] end
  for _, key in ipairs(SPECIAL) do
    if opts[key] ~= nil then plan[key], plan.special = opts[key], true end
  end
  if opts.max_body then plan.whole = opts.max_body end
  if opts.max_redirects then plan.follow = opts.max_redirects > 0 end
  if opts.retries ~= nil then plan.policy = require "lull.http.retry".policy(opts.retries) or false end
  if opts.timeout then options.set_times(plan, opts.timeout) end
  if opts.proxy ~= nil then plan.way = opts.proxy and proxy.parse(opts.proxy) end
end

--- What is in the options of one request only.
local function apply(plan, client, opts, user, password, places, name)
  local argument <const> = places.options
  request.set_options(plan, opts)
  local content_type <const> = set_body(plan, opts, argument, name)
  local auth = opts.auth or client.defaults.auth or user and { user = user, password = password }
  if opts.headers or plan.body or plan.source or auth and auth.bearer then
    plan.special = true
    if set_headers(plan, client, opts, content_type, argument, name) then
      if opts.auth and opts.headers then
        check.fail(argument, name, "auth and an Authorization header exclude each other")
      end
      auth = nil
    end
  end
  if auth then
    plan.special = true
    set_auth(plan, auth)
  end
  if opts.cookies and next(opts.cookies) then
    plan.cookies, plan.special = cookie_line(opts.cookies), true
  end
end

local function add_query(plan, query, argument, name)
  plan.url = url.with_query(plan.url, query)
  if plan.url:find("[\0-\32\127-\255#]") then check.fail(argument, name, "the query is not encoded") end
end

local NONE <const> = {}

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
    opts = opts or NONE
    plan.special = method ~= "GET" or nil
    plan.method = check_method(method, places.method, name)
    if opts.query then add_query(plan, opts.query, places.options, name) end
    apply(plan, client, opts, user, password, places, name)
    if opts.stream then -- no limit but what was asked for
      plan.max_body = opts.max_body or math.maxinteger
      if not opts.timeout then plan.idle = math.huge end
    end
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
