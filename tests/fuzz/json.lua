--- JSON: what was read is written and read again as the same; what is refused says where.
local json <const> = require "lull.json"
local lull <const> = require "lull"

return function(bytes)
  local ok <const>, value <const> = pcall(json.decode, bytes)
  if not ok then
    assert(lull.is_error(value, "json"), value)
    assert(value.line and value.column, "no place")
    return
  end
  local text <const> = json.encode(value, { sort = true })
  local again <const> = json.encode(json.decode(text), { sort = true })
  assert(text == again, "written and read it is another value")
  json.decode(json.encode(value, { indent = 2 }))
  for _ in json.lines(text .. "\n" .. text) do end
end
