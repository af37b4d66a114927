--- Requests of HTTP/1.1: what comes byte by byte is understood as what comes at once, and what
--- was accepted has nothing in it that could be misunderstood by somebody else.
local native <const> = require "lull.http.native"

--- All that a verdict says, as text.
local function text_of(value)
  if type(value) ~= "table" then return ("%q"):format(value) end
  local keys <const> = {}
  for key in pairs(value) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  for i, key in ipairs(keys) do keys[i] = tostring(key) .. "=" .. text_of(value[key]) end
  return "{" .. table.concat(keys, ",") .. "}"
end

return function(bytes)
  local whole <const> = native.parse(bytes)
  local slow <const> = native.parse(bytes, { step = 1 })
  assert(text_of(whole) == text_of(slow), "what comes byte by byte is another request")
  for _, request in ipairs(whole) do
    assert(not request.target:find "[%c \127-\255]", "a control byte in the target")
    assert(not (request.path or ""):find("\0", 1, true), "a NUL in the path")
    assert(not (request.path or ""):find "/%.%.?/", "a dot segment in the path")
    for _, field in ipairs(request.fields or {}) do
      assert(field[1]:find "^[%w!#$%%&'*+.^_`|~-]+$", "a name that is none")
      assert(not field[2]:find "[%z\1-\8\10-\31\127]", "a control byte in a value")
    end
  end
end
