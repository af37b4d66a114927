--- lull.http.accept: what a client prefers (RFC 9110, 12.4 and 12.5).
local accept = {}

local MAX_ITEMS <const> = 64 -- of a list; the rest is not looked at

--- A quality value, "0" to "1" with at most three digits; nil when it is none.
local function quality(text)
  if text:find("^0%.?%d?%d?%d?$") or text:find("^1%.?0?0?0?$") then return tonumber(text) end
end

--- One element: its value in lower case, and its weight; nil when it is malformed.
local function read_item(item)
  local value <const>, rest <const> = item:match("^%s*([^;%s]+)%s*(.*)$")
  if not value then return nil end
  local weight = 1
  for name, given in rest:gmatch(";%s*([^=;%s]+)%s*=%s*([^;%s]*)") do
    if name == "q" or name == "Q" then weight = quality(given) end
    if not weight then return nil end
  end
  return value:lower(), weight
end

--- Weights by value.  Of a value that is there twice the first counts; what is malformed is
--- not there.
---@param header string
---@return table<string, number>
function accept.read(header)
  local weights <const>, count = {}, 0
  for item in header:gmatch("[^,]+") do
    count = count + 1
    if count > MAX_ITEMS then break end
    local value <const>, weight <const> = read_item(item)
    if value and not weights[value] then weights[value] = weight end
  end
  return weights
end

--- The offer with the highest weight; among equals the first.
local function choose(offers, weigh)
  local best, highest = nil, 0
  for _, offer in ipairs(offers) do
    local weight <const> = weigh(offer)
    if weight > highest then
      best, highest = offer, weight
    end
  end
  return best, highest
end

--- The content coding to answer with; nil: none, send it as it is.  Without the header no coding
--- is wanted: a client that takes one says so.
---@param header? string    Accept-Encoding
---@param offers string[]   codings, the best first
---@return string?
function accept.encoding(header, offers)
  if not header then return nil end
  local weights <const> = accept.read(header)
  local star <const> = weights["*"] or 0
  weights.gzip = weights.gzip or weights["x-gzip"]
  local best <const>, highest <const> = choose(offers, function(offer)
    return weights[offer] or star
  end)
  if best and highest >= (weights.identity or 0) then return best end
end

--- The media type to answer with; nil: the client takes none of them.
---@param header? string   Accept
---@param offers string[]  types, the best first
---@return string?
function accept.media(header, offers)
  if not header then return offers[1] end
  local weights <const> = accept.read(header)
  return (choose(offers, function(offer)
    return weights[offer] or weights[offer:match("^[^/]*/") .. "*"] or weights["*/*"] or 0
  end))
end

return accept
