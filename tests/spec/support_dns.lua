--- support_dns.lua: a resolver of one's own: a name server, in a namespace where it is the system's.
---
--- dns.program(code) runs code under the lull program in a network of its own, whose only name
--- server is that code's: `server` has
---
---   answers   by lower-case name: { "192.0.2.1", "2001:db8::1", ... }, or false: no such name.
---             A name that is not there is never answered.
---   names     by reverse name: the name
---   delay     seconds before each answer
---   queries   how many came, by name

local here = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local support = setmetatable({}, { __index = dofile(here .. "support_net.lua") })

--- The server, in Lua that the program runs before the code.
local PRELUDE <const> = [==[
  local lull = require "lull"
  local net = require "lull.net"
  local dns = require "lull.dns"
  local server = { answers = {}, names = {}, delay = 0, queries = {} }

  local TYPES <const> = { [1] = "A", [12] = "PTR", [28] = "AAAA" }

  local function labels(name)
    local encoded = name:gsub("[^.]+%.?", function(label)
      label = label:gsub("%.$", "")
      return string.char(#label) .. label
    end)
    return encoded .. "\0"
  end

  --- An IPv6 address as bytes; only what the tests write.
  local function ipv6(text)
    local left, right = text:match("^(.-)::(.*)$")
    local words, tail = {}, {}
    for word in (left or text):gmatch("%x+") do words[#words + 1] = tonumber(word, 16) end
    for word in (right or ""):gmatch("%x+") do tail[#tail + 1] = tonumber(word, 16) end
    while #words + #tail < 8 do words[#words + 1] = 0 end
    for _, word in ipairs(tail) do words[#words + 1] = word end
    return (">I2I2I2I2I2I2I2I2"):pack(table.unpack(words))
  end

  local function records(name, kind)
    if kind == "PTR" then
      local target = server.names[name]
      return target and { labels(target) }
    end
    local addresses = server.answers[name]
    if not addresses then return addresses end
    local found = {}
    for _, address in ipairs(addresses) do
      if kind == "AAAA" and address:find(":") then found[#found + 1] = ipv6(address) end
      if kind == "A" and not address:find(":") then
        local a, b, c, d = address:match("(%d+)%.(%d+)%.(%d+)%.(%d+)")
        found[#found + 1] = string.char(a, b, c, d)
      end
    end
    return found
  end

  local function answer(query)
    local id = query:sub(1, 2)
    local parts, at = {}, 13
    while query:byte(at) ~= 0 do
      parts[#parts + 1] = query:sub(at + 1, at + query:byte(at))
      at = at + query:byte(at) + 1
    end
    local name = table.concat(parts, "."):lower()
    local kind = TYPES[(">I2"):unpack(query, at + 1)]
    server.queries[name] = (server.queries[name] or 0) + 1
    local found = records(name, kind)
    if found == nil then return nil end
    local question = query:sub(13, at + 4)
    local list = {}
    for _, bytes in ipairs(found or {}) do
      list[#list + 1] = "\xc0\x0c" .. query:sub(at + 1, at + 4) .. (">I4s2"):pack(60, bytes)
    end
    local flags = found and 0x8180 or 0x8183
    return id .. (">I2I2I2I2I2"):pack(flags, 1, #list, 0, 0) .. question .. table.concat(list)
  end

  local socket = net.udp { host = "127.0.0.1", port = 53 }
  local serving = lull.spawn(function()
    for query, host, port in socket:messages() do
      local reply = answer(query)
      local function send() socket:send(reply, host, port) end
      if reply then lull.after(server.delay, send) end
    end
  end)
  serving:detach()
]==]

--- Shell code that makes the network and runs $1 in it.
--- Namespaces of their own: of users, too, where that is allowed, so that nobody needs to be root.
local UNSHARE <const> = os.execute "unshare -rnm true >/dev/null 2>&1" and "unshare -rnm"
  or "unshare -nm"

local SHELL <const> = [[
  set -e
  ip link set lo up
  mount --bind %s /etc/resolv.conf
  mount --bind %s /etc/nsswitch.conf
  exec timeout 50 "$LULL" %s]]

--- Can there be such a network here?
function support.has_namespaces()
  return os.execute(UNSHARE .. " sh -c 'ip link set lo up && mount --bind /dev/null /etc/resolv.conf' "
    .. ">/dev/null 2>&1") == true
end

--- Run the code; returns its output, both streams, and its exit code.  After so many seconds without
--- an answer the system gives up.
function support.program_with_server(code, patience)
  local program <close> = support.temp_file(PRELUDE .. code)
  local resolver <close> = support.temp_file(("nameserver 127.0.0.1\noptions timeout:%d attempts:1\n"):format(
    patience or 20))
  local order <close> = support.temp_file("hosts: files dns\n")
  local shell <close> = support.temp_file(SHELL:format(resolver.path, order.path, program.path))
  local lull = os.getenv "LULL" or (os.getenv "LULL_BUILD" or "build") .. "/lull"
  local pipe = assert(io.popen(("LULL=%s %s sh %s 2>&1"):format(lull, UNSHARE, shell.path)))
  local output = pipe:read("a")
  local _, how, status = pipe:close()
  return output, how == "exit" and status or how .. " " .. status
end

return support
