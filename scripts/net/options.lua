--- lull.net.options: the options that the functions of lull.net know, for check.options.
local options = {}

local function with(known, more)
  for name, kind in pairs(known) do more[name] = more[name] or kind end
  return more
end

--- Of streams: pairs, pipes.
options.stream = {
  timeout = "seconds", max_line = "count", max_all = "count", high_water = "count",
  low_water = "count",
}

options.from_fd = with(options.stream, { close = "boolean" })

options.connect = with(options.stream, { tls = "any" })

options.listen = with(options.stream, {
  host = "any", port = "any", path = "string", backlog = "count", reuse_port = "boolean",
  tls = "any", on_handshake_error = "any",
})

options.serve = with(options.listen, { max_connections = "count" })

return options
