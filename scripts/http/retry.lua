--- lull.http.retry: whether a request is made once more, and when.
local headers = require "lull.http.headers"
local lull = require "lull"

local retry = {}

--- Methods that may be repeated without doing something twice (RFC 9110, 9.2.2).
local IDEMPOTENT <const> = {
  GET = true, HEAD = true, PUT = true, DELETE = true, OPTIONS = true, TRACE = true,
}

---@class lull.http.Retries
---@field max integer       how many times more; 0
---@field backoff? number   seconds before the second try, doubled each time; 0.5
---@field max_wait? number  seconds that any pause may take, whatever the server asks for; 30
---@field on? (integer|string)[]  statuses and kinds of errors; 429, 502, 503, 504, io, dns, timeout
---@field any_method? boolean  not only those that are idempotent

local DEFAULT_ON <const> = { 429, 502, 503, 504, "io", "dns", "timeout" }

--- Fill an option in: a number, or a table.
---@param option nil|integer|lull.http.Retries
---@return lull.http.Retries?  nil: none
function retry.policy(option)
  if option == nil or option == false then return nil end
  if type(option) == "number" then option = { max = option } end
  local on <const> = {}
  for _, what in ipairs(option.on or DEFAULT_ON) do on[what] = true end
  return {
    max = option.max or 0, backoff = option.backoff or 0.5, max_wait = option.max_wait or 30,
    any_method = option.any_method, on = on,
  }
end

--- May this request be made again?
---@param policy lull.http.Retries
---@param method string
---@return boolean
function retry.allows(policy, method)
  return policy.max > 0 and (policy.any_method or IDEMPOTENT[method] or false)
end

--- Seconds that a Retry-After field asks for; nil without one.
local function asked_for(head)
  local value <const> = headers.first(head, "retry-after")
  if not value then return nil end
  if value:find("^%d+$") then return tonumber(value) end
  local at <const> = require("lull.http.date").parse(value)
  return at and math.max(at - os.time(), 0)
end

--- How long to wait before try `count + 1`, or nil: do not try.
---@param policy lull.http.Retries
---@param count integer  tries that failed
---@param status? integer
---@param head? string
---@param err any
---@return number?
function retry.delay(policy, count, status, head, err)
  if count > policy.max then return nil end
  if status then
    if not policy.on[status] then return nil end
  elseif not lull.is_error(err) or not policy.on[err.kind] then
    return nil
  end
  local asked <const> = head and asked_for(head)
  if asked then return asked <= policy.max_wait and asked or nil end
  local pause <const> = policy.backoff * 2 ^ (count - 1)
  return math.min(pause * (0.5 + math.random() / 2), policy.max_wait)
end

return retry
