--- lull.http.special: what a request has beyond its URL: options, header fields, credentials, a
--- body.  Requests that have none of that, as most, do not load it.
local check = require "lull.check"
local defaults = require "lull.http.defaults"
local headers = require "lull.http.headers"
local proxy = require "lull.http.proxy"
local url = require "lull.http.url"

local special = {}

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
---@param opts table  of the client
---@return string[]
function special.default_lines(opts)
  local fields <const> = merge({ ["user-agent"] = { "User-Agent", defaults.USER_AGENT } }, opts.headers)
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
  local fields <const> = merge({ ["user-agent"] = { "User-Agent", defaults.USER_AGENT } },
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

--- Options that the native, or the client, takes as they are.
local PLAIN <const> = { "stream", "max_body", "max_redirects" }
local SPECIAL <const> = {
  "verify", "ca_file", "crl_file", "cert", "key", "unix_socket", "http_version",
}

--- Copy what options say.
---@param plan table
---@param opts table  checked
function special.set_options(plan, opts)
  for _, key in ipairs(PLAIN) do plan[key] = opts[key] end
  for _, key in ipairs(SPECIAL) do
    if opts[key] ~= nil then plan[key], plan.special = opts[key], true end
  end
  if opts.max_body then plan.whole = opts.max_body end
  if opts.max_redirects then plan.follow = opts.max_redirects > 0 end
  if opts.retries ~= nil then plan.policy = require "lull.http.retry".policy(opts.retries) or false end
  if opts.timeout then defaults.set_times(plan, opts.timeout) end
  if opts.proxy ~= nil then plan.way = opts.proxy and proxy.parse(opts.proxy) end
end

--- What is in the options of one request only.
local function apply(plan, client, opts, user, password, places, name)
  local argument <const> = places.options
  special.set_options(plan, opts)
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

--- Plan what is in the options of one request, and what its method wants.
---@param plan lull.http.Plan
---@param client lull.http.Client
---@param opts table      checked
---@param user? string    of the URL
---@param password? string
---@param places lull.http.Places
---@param name string     of the public function
function special.plan(plan, client, opts, user, password, places, name)
  plan.special = plan.method ~= "GET" or nil
  plan.method = check_method(plan.method, places.method, name)
  if opts.query then add_query(plan, opts.query, places.options, name) end
  apply(plan, client, opts, user, password, places, name)
  if opts.stream then -- no limit but what was asked for
    plan.max_body = opts.max_body or math.maxinteger
    if not opts.timeout then plan.idle = math.huge end
  end
end

return special
