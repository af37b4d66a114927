--- Forms in parts, which may come in pieces of any size: the first byte says of which.
local form <const> = require "lull.http.form"
local lull <const> = require "lull"

local TYPE <const> = "multipart/form-data; boundary=b"

--- A request with this body, in pieces.
local function request(body, step)
  local at = 1
  return {
    headers = { ["content-type"] = TYPE },
    read_some = function()
      if at > #body then return nil end
      local piece <const> = body:sub(at, at + step - 1)
      at = at + step
      return piece
    end,
  }
end

--- The parts as text, or the kind of the error.
local function read(body, step)
  local parts <const> = {}
  local ok <const>, err <const> = pcall(function()
    for part in form.parts(request(body, step)) do
      parts[#parts + 1] = ("%q=%q"):format(part.name, part:read())
    end
  end)
  if not ok then
    assert(lull.is_error(err, "http"), err)
    parts[#parts + 1] = tostring(err.status)
  end
  return table.concat(parts, "\n")
end

return function(bytes)
  if bytes == "" then return end
  local body <const> = bytes:sub(2)
  local whole <const> = read(body, #body + 1)
  assert(whole == read(body, bytes:byte() % 16 + 1), "in pieces it is another form")
  local text <const> = body:gsub("%s", "&")
  for name, value in pairs(form.decode(text)) do
    assert(type(name) == "string" and type(value) == "string")
  end
end
