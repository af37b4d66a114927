--- lull.http.reply: responses for middleware, which must not mind the form they come in.
local reply = {}

--- Can it be called?  What is not closed to us says so by its metatable.
---@param value any
---@return boolean
function reply.is_callable(value)
  local meta <const> = getmetatable(value)
  return type(value) == "function" or type(meta) == "table" and meta.__call ~= nil
end

--- A response of its own: what the handler returned may be a string, a function, or a table that
--- it keeps and returns again.  Names of headers are in lower case.
---@param value any
---@return table response  with `status` and `headers`; the body in `body`, `json` or `file`
function reply.of(value)
  if value == nil then return { status = 204, headers = {} } end
  if type(value) ~= "table" or value.body == nil and reply.is_callable(value) then
    return { status = 200, headers = {}, body = value }
  end
  local copy <const>, headers <const> = {}, {}
  for key, field in pairs(value) do copy[key] = field end
  for name, field in pairs(value.headers or {}) do
    if type(name) == "string" then name = name:lower() end
    headers[name] = field
  end
  copy.status = copy.status or 200
  copy.headers = headers
  return copy
end

--- Does a list ("close, upgrade") have a token?
---@param list string
---@param name string  in lower case
---@return boolean
function reply.names(list, name)
  for one in list:lower():gmatch("[^,%s]+") do
    if one == name then return true end
  end
  return false
end

--- Say that the response depends on a header of the request.
---@param headers table
---@param name string  in lower case
function reply.vary(headers, name)
  local before = headers.vary
  if type(before) == "table" then before = table.concat(before, ", ") end
  if not before or before == "" then
    headers.vary = name
  elseif before ~= "*" and not reply.names(before, name) then
    headers.vary = before .. ", " .. name
  end
end

return reply
