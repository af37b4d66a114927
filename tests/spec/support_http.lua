--- support_http.lua: peers for the specs that speak HTTP.
---
--- Each peer is a program of the system (nginx, nghttpd, python3, tinyproxy, squid) that runs in
--- the foreground, as the current user, on a free port of 127.0.0.1, out of a temporary directory
--- that goes with it.  `timeout` holds it: none outlives LIFETIME, whatever becomes of the spec.
--- A peer is a to-be-closed value; close it in teardown, or with `local peer <close> =`.
---
---   local peer <close> = support.nginx { http = "location / { return 200 'hello'; }" }
---   net.connect("127.0.0.1", peer.port)
---
--- Where a program is missing, say so: if not support.has "nginx" then pending("needs nginx") end

local lull = require "lull"
local net = require "lull.net"

local here = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local support = setmetatable({}, { __index = dofile(here .. "support_net.lua") })

local LIFETIME <const> = 300 -- seconds
local PATIENCE <const> = 50  -- seconds until a peer that does not listen is given up
local PAUSE <const> = 0.01   -- seconds between two attempts to reach it

-- ---- files ----

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end
support.quote = quote

--- What a shell command prints, without the last newline; nil when it failed.
function support.output_of(command)
  local pipe <const> = assert(io.popen(command))
  local text <const> = pipe:read("a")
  return pipe:close() and (text:gsub("\n$", "")) or nil
end

function support.write_file(path, text)
  local file <close> = assert(io.open(path, "wb"))
  assert(file:write(text))
  return path
end

function support.read_file(path)
  local file <close> = io.open(path, "rb")
  return file and file:read("a")
end

--- A directory that is removed, with all that is in it, when this value is closed: `.path`.
function support.temp_dir()
  local path <const> = assert(support.output_of("mktemp -d"))
  local dir <const> = { path = path }
  function dir.close() os.execute("rm -rf " .. quote(path)) end
  return setmetatable(dir, { __close = dir.close })
end

--- A port of 127.0.0.1 on which nobody listens.
function support.free_port()
  local listener <close> = net.listen {}
  return listener.port
end

--- Is there such a program?  Those of the administrator count.
function support.has(program)
  return support.output_of(("PATH=$PATH:/usr/sbin:/sbin command -v %s"):format(program)) ~= nil
end

-- ---- programs ----

--- A running peer.
local Peer <const> = {}
Peer.__index = Peer

--- What it has printed so far.
function Peer:log()
  return support.read_file(self.dir .. "/output") or ""
end

--- End it, and remove its directory.
function Peer:close()
  if self.pid then os.execute(("kill %d 2>/dev/null"):format(self.pid)) end
  self.pid = nil
  self.temp.close()
end

Peer.__close = Peer.close

local function is_running(pid)
  return os.execute(("kill -0 %d 2>/dev/null"):format(pid)) == true
end

--- Wait until it takes connections.
local function wait_ready(peer)
  local deadline <const> = lull.now() + PATIENCE
  repeat
    local ok <const>, stream <const> = pcall(net.connect, "127.0.0.1", peer.port)
    if ok then return stream:close() end
    lull.sleep(PAUSE)
  until lull.now() > deadline or not is_running(peer.pid)
  local said <const> = peer:log()
  peer:close()
  error("the peer does not listen; it said: " .. said, 0)
end

--- Start a shell command that listens on `port` and does not leave the foreground.  It runs in
--- `temp` (a temp_dir(), which the peer takes).
function support.start(command, port, temp)
  local peer <const> = setmetatable({ port = port, temp = temp, dir = temp.path }, Peer)
  local line <const> = ("cd %s && PATH=$PATH:/usr/sbin:/sbin exec timeout -k 1 %d %s"):format(
    quote(temp.path), LIFETIME, command)
  local started <const> = support.output_of(("sh -c %s >%s 2>&1 </dev/null & echo $!"):format(
    quote(line), quote(temp.path .. "/output")))
  peer.pid = math.tointeger(tonumber(started))
  wait_ready(peer)
  peer.url = ("http://127.0.0.1:%d"):format(port)
  return peer
end

-- ---- certificates ----

--- A certificate authority in a directory: `ca.file`, and `ca:issue(name, opts?)` for a host's
--- certificate and key, as paths.  `name` is a host or an address; opts.days < 0: it has expired.
function support.authority(dir)
  local ca <const> = { file = dir .. "/ca.pem" }
  local log <const> = " 2>>" .. quote(dir .. "/openssl.log")
  local function run(command)
    if not os.execute("cd " .. quote(dir) .. " && " .. command .. log) then
      error("openssl failed: " .. tostring(support.read_file(dir .. "/openssl.log")), 0)
    end
  end
  run [[openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
    -subj '/CN=lull test authority' -keyout ca.key -out ca.pem]]

  function ca:issue(name, opts)
    local file <const> = dir .. "/" .. (opts and opts.file or name)
    local kind <const> = name:find("^[%d.]+$") and "IP" or "DNS"
    support.write_file(file .. ".ext", ("subjectAltName=%s:%s\n"):format(kind, name))
    run(([[openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=%s' \
      -keyout %s.key -out %s.csr]]):format(name, quote(file), quote(file)))
    run(([[openssl x509 -req -in %s.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days %d \
      -extfile %s.ext -out %s.pem]]):format(quote(file), opts and opts.days or 2, quote(file), quote(file)))
    return { cert = file .. ".pem", key = file .. ".key", ca = self.file }
  end

  return ca
end

-- ---- servers ----

local NGINX <const> = [[
daemon off;
master_process off;
pid nginx.pid;
error_log error.log info;
%s
events { worker_connections 1024; }
http {
  access_log access.log;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  client_max_body_size 64m;
  default_type text/plain;
  server {
    listen 127.0.0.1:%d%s;
    root html;
    %s
  }
  %s
}
]]

--- nginx.  opts: `http` (directives of the server), `more` (of the http block), `main` (at the top),
--- `tls` (a certificate of authority():issue) with `http2`, `files` (contents by name).  The peer
--- has `.html`, the directory it serves.
function support.nginx(opts)
  local temp <const>, port <const> = support.temp_dir(), support.free_port()
  local html <const> = temp.path .. "/html"
  os.execute("mkdir " .. quote(html))
  for name, contents in pairs(opts.files or {}) do support.write_file(html .. "/" .. name, contents) end
  local listen, http = "", opts.http or ""
  if opts.tls then
    listen = " ssl" .. (opts.http2 and " http2" or "")
    http = ("ssl_certificate %s; ssl_certificate_key %s;\n"):format(opts.tls.cert, opts.tls.key) .. http
  end
  support.write_file(temp.path .. "/nginx.conf",
    NGINX:format(opts.main or "", port, listen, http, opts.more or ""))
  local peer <const> = support.start("nginx -p . -c nginx.conf -e error.log", port, temp)
  peer.html = html
  if opts.tls then peer.url = ("https://127.0.0.1:%d"):format(port) end
  return peer
end

--- nghttpd: HTTP/2 with a certificate of authority():issue, or without (prior knowledge).
--- `files` are contents by name; `options` go on its command line.
function support.nghttpd(opts)
  local temp <const>, port <const> = support.temp_dir(), support.free_port()
  for name, contents in pairs(opts.files or {}) do support.write_file(temp.path .. "/" .. name, contents) end
  local tls <const> = opts.tls and quote(opts.tls.key) .. " " .. quote(opts.tls.cert) or "--no-tls"
  local peer <const> = support.start(("nghttpd -v -a 127.0.0.1 %s -d . %d %s"):format(
    opts.options or "", port, tls), port, temp)
  if opts.tls then peer.url = ("https://127.0.0.1:%d"):format(port) end
  return peer
end

--- python3 -m http.server, over `files` (contents by name).
function support.python(files)
  local temp <const>, port <const> = support.temp_dir(), support.free_port()
  for name, contents in pairs(files or {}) do support.write_file(temp.path .. "/" .. name, contents) end
  return support.start(("python3 -u -m http.server --bind 127.0.0.1 %d"):format(port), port, temp)
end

-- ---- proxies ----

--- tinyproxy; `config` are further lines of its configuration ("BasicAuth user password").
function support.tinyproxy(config)
  local temp <const>, port <const> = support.temp_dir(), support.free_port()
  support.write_file(temp.path .. "/tinyproxy.conf",
    ("Port %d\nListen 127.0.0.1\nTimeout 60\nAllow 127.0.0.1\nLogLevel Connect\n%s\n"):format(
      port, config or ""))
  return support.start("tinyproxy -d -c tinyproxy.conf", port, temp)
end

--- squid; `config` are further lines of its configuration, before "http_access allow all".
function support.squid(config)
  local temp <const>, port <const> = support.temp_dir(), support.free_port()
  os.execute("chmod 777 " .. quote(temp.path))
  support.write_file(temp.path .. "/squid.conf", ([[
http_port 127.0.0.1:%d
pid_filename none
cache deny all
cache_log %s/cache.log
access_log stdio:%s/access.log
shutdown_lifetime 0 seconds
%s
http_access allow all
]]):format(port, temp.path, temp.path, config or ""))
  return support.start("squid -N -f squid.conf", port, temp)
end

-- ---- peers written here ----

--- A server whose connections are handled by `handler(stream, number)`: for peers that misbehave.
--- It has `.port`, `.url` and `.count`, the connections so far; close it.
function support.raw(handler, opts)
  local self <const> = { count = 0 }
  local server <const> = net.serve(opts or {}, function(stream)
    self.count = self.count + 1
    handler(stream, self.count)
  end)
  self.port = server.port
  self.url = ("http://127.0.0.1:%d"):format(server.port or 0)
  function self.close() server:close() end
  return setmetatable(self, { __close = self.close })
end

--- Read the head of a request from a stream: its first line, then the fields, by lower-case names
--- (of several with one name the last).  nil at the end.
function support.read_head(stream)
  local first <const> = stream:read("l")
  if not first then return nil end
  local fields <const> = {}
  for line in stream:lines() do
    line = line:gsub("\r$", "")
    if line == "" then break end
    local name <const>, value <const> = line:match("^([^:]+):%s*(.-)%s*$")
    fields[name:lower()] = value
  end
  return (first:gsub("\r$", "")), fields
end

--- Answer each request on a connection with what `answer(first_line, fields, body)` returns: the
--- bytes of a response.  Bodies with a Content-Length are read.  nil: close.
function support.answering(answer)
  return function(stream)
    for first, fields in support.read_head, stream do
      local length <const> = math.tointeger(tonumber(fields["content-length"] or 0))
      local bytes <const> = answer(first, fields, length > 0 and stream:read_exact(length) or "")
      if not bytes then return end
      stream:write(bytes)
    end
  end
end

--- The bytes of a response with a body; `fields` are lines of the head.
function support.response(status, body, ...)
  local lines <const> = { ("HTTP/1.1 %s"):format(status), ("Content-Length: %d"):format(#body), ... }
  return table.concat(lines, "\r\n") .. "\r\n\r\n" .. body
end

return support
