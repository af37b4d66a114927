--- lull.http.conditional: requests that hold under a condition (RFC 9110, 13).
local date = require "lull.http.date"

local conditional = {}

--- Does a list of entity tags have this one?  Compared weakly, the prefix W/ means nothing;
--- strongly, a weak tag equals none.
local function has_tag(list, etag, weakly)
  if list:find("^%s*%*%s*$") then return true end
  local opaque <const> = etag:match('"[^"]*"')
  if not weakly and etag:sub(1, 2) == "W/" then return false end
  for weak, tag in list:gmatch('(W?/?)("[^"]*")') do
    if tag == opaque and (weakly or weak == "") then return true end
  end
  return false
end

--- What the conditions of a request come to, for what is about to be sent.
---@param req lull.http.server.Request
---@param etag string       its entity tag
---@param modified integer  the time of its last change, in seconds
---@return integer? status  412, or 304 for GET and HEAD; nil: go on
function conditional.check(req, etag, modified)
  local headers <const> = req.headers
  local match <const>, none <const> = headers["if-match"], headers["if-none-match"]
  if match then
    if not has_tag(match, etag, false) then return 412 end
  elseif headers["if-unmodified-since"] then
    local since <const> = date.parse(headers["if-unmodified-since"])
    if since and modified > since then return 412 end
  end
  local reads <const> = req.method == "GET" or req.method == "HEAD"
  if none then
    if has_tag(none, etag, true) then return reads and 304 or 412 end
  elseif reads and headers["if-modified-since"] then
    local since <const> = date.parse(headers["if-modified-since"])
    if since and modified <= since then return 304 end
  end
end

--- Does the range that a request asks for belong to what it has a part of already?
---@param req lull.http.server.Request
---@param etag string
---@param modified integer
---@return boolean
function conditional.range_holds(req, etag, modified)
  local condition <const> = req.headers["if-range"]
  if not condition then return true end
  if condition:find('"', 1, true) then
    return condition == etag and etag:sub(1, 2) ~= "W/"
  end
  -- a date is as good as a strong tag only where the tag is strong (RFC 9110, 8.8.2.2)
  return etag:sub(1, 2) ~= "W/" and date.parse(condition) == modified
end

return conditional
