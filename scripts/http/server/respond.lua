--- lull.http.server.respond: the responses that are more than a string.
local lull = require "lull"
local problem = require "lull.http.problem"
local reply = require "lull.http.reply"

local respond = {}

--- Bytes of a file that are sent together with the head.
local SMALL <const> = 16 * 1024
--- Bytes of a file that pass through us at a time, where the system cannot send them itself.
local PIECE <const> = 64 * 1024

local is_callable <const> = reply.is_callable

local function refuse(what)
  error(lull.new_error("usage", what, { op = "http.respond" }), 0)
end

local CLOSING <const> = { __close = function(self) self[1]:close() end }

--- A to-be-closed value for what has a method close.
local function closing(value)
  local kind <const> = type(value)
  if (kind ~= "table" and kind ~= "userdata") or not value.close then return nil end
  return setmetatable({ value }, CLOSING)
end

--- Send pieces until there are no more, or nobody takes them.
---@async
local function send_pieces(conn, body, trailers)
  for piece in function() return body() end do
    if type(piece) ~= "string" and type(piece) ~= "number" then
      refuse("a piece of a response's body must be a string, got " .. type(piece))
    end
    if not conn:send(piece) then return end
  end
  if is_callable(trailers) then trailers = trailers() end
  conn:finish(trailers)
end

---@async
local function send_stream(conn, response)
  local body <const> = response.body
  local _ <close> = closing(body)
  if conn:begin(response.status or 200, response.headers) then
    send_pieces(conn, body, response.trailers)
  end
end

--- Read exactly so much of a file, or less where it ends.
---@async
local function read_piece(handle, offset, length)
  if length == 0 then return "" end
  local piece <const> = handle:read(offset, length)
  if not piece or #piece >= length then return piece or "" end
  return piece .. read_piece(handle, offset + #piece, length - #piece)
end

--- Headers that say how long the body is.
local function with_length(headers, length)
  if headers and headers["content-length"] then return headers end
  local copy <const> = {}
  for name, value in pairs(headers or {}) do
    if name:lower() == "content-length" then return headers end
    copy[name] = value
  end
  copy["content-length"] = length
  return copy
end

---@async
local function send_rest(conn, handle, offset, length)
  while length > 0 do
    local piece <const> = handle:read(offset, math.min(length, PIECE))
    if not piece then break end -- finish() tells that it is too short
    if not conn:send(piece) then return end
    offset, length = offset + #piece, length - #piece
  end
  conn:finish()
end

---@async
local function send_file(conn, response)
  local file <const> = response.file
  local handle <const>, offset <const>, length <const> = file.handle, file.offset or 0, file.length
  local _ <close> = closing(handle)
  if length <= SMALL and conn:request().method ~= "HEAD" then
    conn:respond(response, read_piece(handle, offset, length), false)
    return
  end
  if not conn:begin(response.status or 200, with_length(response.headers, length)) then return end
  local sent <const> = conn:send_file(handle:fd(), offset, handle)
  if sent then
    conn:finish()
  elseif sent == nil then
    send_rest(conn, handle, offset, length)
  end
end

--- A plain table in place of an object, whose fields may come from anywhere.
local function fields_of(object)
  return {
    status = object.status, headers = object.headers, trailers = object.trailers,
    body = object.body, json = object.json, file = object.file,
  }
end

--- Send what connection:respond() has not: streams, files, JSON.
---@async
---@param conn userdata
---@param result any  what the handler has returned
function respond.special(conn, result)
  if is_callable(result) then result = { body = result } end
  if type(result) ~= "table" then
    refuse("a handler must return a string, a table or a function, got " .. type(result))
  end
  if getmetatable(result) then
    result = fields_of(result)
    if conn:respond(result) ~= nil then return end
  end
  if result.file then
    send_file(conn, result)
  elseif result.json ~= nil then
    conn:respond(result, require("lull.json").encode(result.json), "application/json")
  elseif is_callable(result.body) then
    send_stream(conn, result)
  else
    refuse("a response's body must be a string or a function, got " .. type(result.body))
  end
end

--- Send whatever a handler has returned.
---@async
---@param conn userdata
---@param result any
function respond.send(conn, result)
  if conn:respond(result) == nil then respond.special(conn, result) end
end

--- Who raises errors whose status is that of another server: requests that a handler makes.
local CLIENTS <const> = {
  ["http.request"] = true, ["http.read"] = true, ["http.upload"] = true,
  ["http.download"] = true, ["websocket.connect"] = true,
}

--- The status that an error asks for.
---@param err any
---@return integer?
function respond.status_of(err)
  local status <const> = lull.is_error(err) and not CLIENTS[err.op] and math.tointeger(err.status)
  return status and status >= 400 and status <= 599 and status or nil
end

--- The response that tells of an error: of one that is the client's, what it was.
---@param req lull.http.server.Request
---@param status integer
---@param err? any  whose field `headers` is sent, too
---@return table
function respond.problem(req, status, err)
  local detail <const> = err and status < 500 and tostring(err.message):gsub("[^ -~]", "?") or nil
  local response <const> = problem.response(status, req, detail)
  for name, value in pairs(err and err.headers or {}) do response.headers[name] = value end
  return response
end

return respond
