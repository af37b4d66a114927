--- Cookies as a browser sends them, and names and values as a handler may set them.
local cookie <const> = require "lull.http.cookie"

local signer <const> = cookie.signer "a key that is long enough to be taken for one"

return function(bytes)
  for name, value in pairs(cookie.parse(bytes)) do
    assert(not name:find "[\0-\8\10-\31;=]" and not value:find "[\0-\8\10-\31;]", "not what a cookie may hold")
  end
  assert(not signer:verify("name", bytes), "signed by nobody")
  local ok <const>, field <const> = pcall(cookie.format, bytes, bytes)
  if ok then
    assert(not field:find "[%c]", "a control byte in a field")
    assert(cookie.parse(field)[bytes] == bytes, "formatted and parsed it is another cookie")
  end
  local name <const>, value <const> = bytes:match "^([^=]*)=(.*)$"
  if name then pcall(cookie.format, name, value) end
end
