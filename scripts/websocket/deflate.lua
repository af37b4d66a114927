--- lull.websocket.deflate: negotiating permessage-deflate (RFC 7692, section 7.1).
local tokens = require "lull.websocket.tokens"

local deflate = {}

local NAME <const> = "permessage-deflate"

--- How an option is spelt that says how the messages of one side are compressed.
local FLAGS <const> = { server_no_context_takeover = true, client_no_context_takeover = true }
local BITS <const> = { server_max_window_bits = true, client_max_window_bits = true }

--- The parameters of an offer or an answer by name; nil when one is unknown, double or wrong.
local function read(parameters, is_offer)
  local found <const> = {}
  for _, parameter in ipairs(parameters) do
    local name <const>, value = parameter.name, parameter.value
    if found[name] ~= nil then return nil end
    if BITS[name] then
      local may_be_bare <const> = is_offer and name == "client_max_window_bits"
      if value == true then
        if not may_be_bare then return nil end
      elseif not value:find "^[89]$" and not value:find "^1[0-5]$" then
        return nil
      end
      found[name] = value == true or math.tointeger(tonumber(value))
    elseif FLAGS[name] and value == true then
      found[name] = true
    else
      return nil
    end
  end
  return found
end

--- What the codec is to do.  A window of 8 bits cannot be had from zlib for sending: then
--- nothing is compressed that is sent.
local function settings(options, send, receive)
  return {
    send_bits = send.bits > 8 and send.bits or 0,
    receive_bits = receive.bits,
    send_reset = send.reset or false,
    receive_reset = receive.reset or false,
    level = options.level,
    memory_level = options.memory_level,
    threshold = options.threshold,
  }
end

--- The client's offer: the header field.
---@param options table  every option of compress
---@return string
function deflate.offer(options)
  local parts <const> = { NAME }
  local function add(format, ...) parts[#parts + 1] = format:format(...) end
  if options.server_no_context_takeover then add "server_no_context_takeover" end
  if options.client_no_context_takeover then add "client_no_context_takeover" end
  if options.server_max_window_bits < 15 then
    add("server_max_window_bits=%d", options.server_max_window_bits)
  end
  if options.client_max_window_bits < 15 then
    add("client_max_window_bits=%d", options.client_max_window_bits)
  else
    add "client_max_window_bits"
  end
  return table.concat(parts, "; ")
end

--- What the server's answer to the offer means for a client.
---@param options? table  those of the offer; nil: there was none
---@param answer? string  the header field
---@return table? settings  for the codec; nil: no compression
---@return string? wrong    why the connection cannot go on
function deflate.accepted(options, answer)
  if not answer then return nil end
  local list <const> = tokens.extensions(answer)
  if not list then return nil, "malformed Sec-WebSocket-Extensions" end
  if #list == 0 then return nil end
  if not options or #list > 1 or list[1].name ~= NAME then
    return nil, "the server uses an extension that was not offered"
  end
  local found <const> = read(list[1].parameters, false)
  if not found then return nil, "wrong parameters of permessage-deflate" end
  local server_bits <const> = found.server_max_window_bits or 15
  local client_bits <const> =
    math.min(found.client_max_window_bits or 15, options.client_max_window_bits)
  if server_bits > options.server_max_window_bits then
    return nil, "the server takes a larger window than it may"
  elseif options.server_no_context_takeover and not found.server_no_context_takeover then
    return nil, "the server keeps context that it is not to keep"
  end
  return settings(options, {
    bits = client_bits,
    reset = found.client_no_context_takeover or options.client_no_context_takeover,
  }, { bits = server_bits, reset = found.server_no_context_takeover })
end

--- The server's answer to one offer, and what it means for it; nil when it is declined.
local function answer_to(options, offer)
  local found <const> = read(offer.parameters, true)
  if not found then return nil end
  local server_bits <const> =
    math.min(found.server_max_window_bits or 15, options.server_max_window_bits)
  if server_bits < 9 then return nil end
  local parts <const> = { NAME }
  local function resets(flag) return found[flag] or options[flag] end
  local server_resets <const> = resets "server_no_context_takeover"
  local client_resets <const> = resets "client_no_context_takeover"
  if server_resets then parts[#parts + 1] = "server_no_context_takeover" end
  if client_resets then parts[#parts + 1] = "client_no_context_takeover" end
  if found.server_max_window_bits or server_bits < 15 then
    parts[#parts + 1] = ("server_max_window_bits=%d"):format(server_bits)
  end
  local client_bits = found.client_max_window_bits
  if client_bits then
    if client_bits == true then client_bits = 15 end
    client_bits = math.min(client_bits, options.client_max_window_bits)
    if client_bits < 15 then
      parts[#parts + 1] = ("client_max_window_bits=%d"):format(client_bits)
    end
  end
  return table.concat(parts, "; "), settings(options, { bits = server_bits, reset = server_resets },
    { bits = client_bits or 15, reset = client_resets })
end

--- The server's answer to a client's offers: the first that will do.
---@param options? table  every option of compress; nil: no compression
---@param offers? string  the header field
---@return string? answer    the header field; nil: none
---@return table? settings   for the codec
---@return string? wrong     why the request is none
function deflate.answer(options, offers)
  local list <const> = tokens.extensions(offers or "")
  if not list then return nil, nil, "malformed Sec-WebSocket-Extensions" end
  if not options then return nil end
  for _, offer in ipairs(list) do
    if offer.name == NAME then
      local answer <const>, meaning <const> = answer_to(options, offer)
      if answer then return answer, meaning end
    end
  end
  return nil
end

return deflate
