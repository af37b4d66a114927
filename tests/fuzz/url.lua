--- URLs, and references that are resolved against them.
local url <const> = require "lull.http.url"

return function(bytes)
  local whole <const>, scheme <const>, host <const>, port <const> = url.parse(bytes)
  if whole then
    assert(scheme == "http" or scheme == "https", "another scheme")
    assert(not host:find "[%c%s/?#@\\]", "not a host")
    assert(port >= 0 and port <= 65535, "not a port")
    assert(not whole:find "[%c \127-\255]", "a control byte in a URL")
    assert(url.parse(whole) == whole, "taken apart twice it is another URL")
  end
  local target <const> = url.resolve("http://a/b/c?d", bytes)
  if target then assert(not target:find "[%c \127-\255]", "a control byte in a target") end
end
