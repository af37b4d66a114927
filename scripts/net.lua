--- lull.net: streams over TCP, Unix sockets and pipes; connecting and serving.
local check = require "lull.check"
local connect = require "lull.net.connect"
local lull = require "lull"
local native = require "lull.net.native"
local options = require "lull.net.options"
local secure = require "lull.net.secure"
local server = require "lull.net.server"
local streams = require "lull.net.stream"
local udp = require "lull.net.udp"

secure.extend(native.stream_methods())
streams.extend(native.stream_methods())

--- A connection, a pipe's end or another descriptor, read and written by tasks.
---
--- One task reads at a time; several may write, and take turns.  Raises kinds `io`, `closed`,
--- `timeout`, `limit`, `eof`, `busy`.  A read that was cancelled or timed out has taken
--- nothing.  A write that was cancelled did not happen, unless it had been accepted and only
--- waited for the peer: what was accepted is sent.
---@class lull.net.Stream
---@field read async fun(self, ...: string|integer): ...  formats "l", "L", "a" and numbers as in io.read
---@field lines fun(self, ...: string|integer): async fun(): ...  reads until the end; does not close
---@field read_some async fun(self, max?: integer): string?  what is there, at least one byte
---@field chunks fun(self, max?: integer): async fun(): string?  what is there, until the end
---@field read_exact async fun(self, n: integer): string?  raises `eof` with `partial`
---@field read_until async fun(self, separator: string, limit?: integer): string?  separator included
---@field write async fun(self, ...: string|number): lull.net.Stream
---@field flush async fun(self): lull.net.Stream  waits until what was written is with the kernel
---@field shutdown async fun(self): lull.net.Stream  flushes and ends the writing side
---@field close fun(self)  what is written is still sent, in the background, for up to 10 s
---@field abort fun(self)  drops what is unsent; a TCP peer gets a reset
---@field peer fun(self): string?, integer?  host and port, or path
---@field sockname fun(self): string?, integer?
---@field fd fun(self): integer?
---@field set_timeout fun(self, seconds?: number): lull.net.Stream  for every single wait
---@field set_options fun(self, opts: lull.net.StreamOptions): lull.net.Stream
---@field start_tls async fun(self, opts?: lull.tls.StartOptions): lull.net.Stream
---@field tls fun(self): lull.tls.Description?  nil for a plain stream

---@class lull.net.StreamOptions
---@field timeout? number      seconds any single wait may take, that of connecting included; none
---@field max_line? integer    bytes of a line or of read_until; 1 MiB
---@field max_all? integer     bytes of read("a"); 64 MiB
---@field high_water? integer  a write that leaves more than this unsent waits; 64 KiB
---@field low_water? integer   until no more than this is left; a quarter of that

---@class lull.net.ConnectOptions: lull.net.StreamOptions
---@field tls? true | lull.tls.ClientOptions | lull.tls.Context

---@class lull.net.ListenOptions: lull.net.StreamOptions
---@field host? string         "127.0.0.1"; "*": every address, of both families
---@field port? integer        0, the default: any free one
---@field path? string         a Unix socket, in place of host and port, or with a NUL in front a name
---  outside the file system (Linux).  A socket's file at which nobody listens any more is replaced,
---  any other raises EADDRINUSE; the file is removed at the end
---@field backlog? integer     connections the system may hold; its maximum
---@field reuse_port? boolean  share the port with other processes that say so
---@field tls? lull.tls.ServerOptions | lull.tls.Context
---@field on_handshake_error? fun(err: lull.Error, host?: string, port?: integer)

---@class lull.net.ServeOptions: lull.net.ListenOptions
---@field max_connections? integer  at so many accepting pauses; 10,000, or 3/4 of the
---  descriptors that the process may have, if that is less

--- A socket that accepts connections.
---@class lull.net.Listener
---@field port? integer  nil for a Unix socket
---@field failed_handshakes integer  with TLS
---@field private socket userdata
local Listener <const> = {}
Listener.__index = Listener
Listener.__name = "lull.net.Listener"

--- Wait for a connection.  Several tasks may: first come, first served.
---
--- With TLS the handshake is part of it, which a slow client can draw out up to the handshake's
--- timeout; a client that fails in it is counted and forgotten.
---@async
---@return lull.net.Stream
function Listener:accept()
  check.self(self, Listener, "accept")
  repeat
    local stream <const> = self.socket:accept()
    if secure.accepted(self, stream) then return stream end
  until false
end

--- Go on with other certificates, for clients that come from now on: their files are read
--- anew, or other options taken.  Raises, with nothing changed, if they cannot be used.
---@param opts? lull.tls.ServerOptions
function Listener:reload_tls(opts)
  check.self(self, Listener, "reload_tls")
  secure.reload(self, opts)
end

--- Stop listening; who waits gets `closed`.  The file of a Unix socket is removed.
function Listener:close()
  check.self(self, Listener, "close")
  self.socket:close()
end

--- Where it listens, or did.
---@return string host_or_path
---@return integer? port
function Listener:sockname()
  check.self(self, Listener, "sockname")
  return self.socket:sockname()
end

Listener.__close = Listener.close

function Listener:__tostring()
  return tostring(self.socket)
end

local net = {}

--- Connect by TCP.  A name's addresses are tried in turn and side by side (RFC 8305).
---@async
---@param host string  a name or a numeric address
---@param port integer
---@param opts? lull.net.ConnectOptions
---@return lull.net.Stream   raises kinds dns, io, timeout, tls
function net.connect(host, port, opts)
  check.host(host, 1, "connect")
  check.port(port, 2, "connect")
  check.options(opts, 3, "connect", options.connect)
  port = math.tointeger(tonumber(port))
  local plan <const> = secure.client(opts, host, port, 3, "connect")
  return secure.connected(connect.host(host, port, opts), plan)
end

--- Connect to a Unix socket.
---@async
---@param path string
---@param opts? lull.net.ConnectOptions
---@return lull.net.Stream   raises kinds io, timeout, tls
function net.connect_unix(path, opts)
  check.path(path, 1, "connect_unix")
  check.options(opts, 2, "connect_unix", options.connect)
  local plan <const> = secure.client(opts, nil, nil, 2, "connect_unix")
  return secure.connected(connect.path(path, opts), plan)
end

local function listen_socket(opts)
  if opts.path ~= nil then return native.listen_unix(opts.path, opts) end
  local port <const> = math.tointeger(tonumber(opts.port or 0))
  if opts.host == "*" then return connect.everywhere(native.listen, port, opts) end
  return connect.here(native.listen, opts.host or "127.0.0.1", port, opts)
end

local function check_listen_options(opts, name)
  check.type(opts, 1, name, "table")
  check.options(opts, 1, name, options[name])
  if opts.path then check.path(opts.path, 1, name) end
  if opts.host ~= nil then check.host(opts.host, 1, name) end
  if opts.port ~= nil then check.port(opts.port, 1, name) end
  if opts.path and (opts.host ~= nil or opts.port ~= nil) then
    check.fail(1, name, "path excludes host and port: it is one or the other")
  end
end

local function new_listener(opts)
  local socket <const> = listen_socket(opts)
  local _, port <const> = socket:sockname()
  return setmetatable({ socket = socket, port = port }, Listener)
end

--- Listen for connections.  Suspends only for a host that has to be resolved.
---@param opts lull.net.ListenOptions
---@return lull.net.Listener   raises kinds io, dns
function net.listen(opts)
  check_listen_options(opts, "listen")
  local plan <const> = secure.server(opts, "listen")
  return secure.attach(new_listener(opts), plan, opts)
end

--- Start a server: every connection is handled by a task that the server owns.  What a
--- handler raises is reported (lull.on_error); its stream is closed when it ends.
---@param opts lull.net.ServeOptions
---@param handler fun(stream: lull.net.Stream)
---@return lull.net.Server   owned by the current scope
function net.serve(opts, handler)
  check_listen_options(opts, "serve")
  check.callable(handler, 2, "serve")
  if not lull.current() then
    error(lull.new_error("usage", "a server needs a task to own it: it cannot start outside"), 2)
  end
  local plan <const> = secure.server(opts, "serve")
  return secure.attach(server.start(new_listener(opts), handler, opts.max_connections), plan, opts)
end

--- Two connected streams.
---@param opts? lull.net.StreamOptions
---@return lull.net.Stream
---@return lull.net.Stream
function net.pair(opts)
  check.options(opts, 1, "pair", options.stream)
  return native.pair(opts)
end

--- A pipe.
---@param opts? lull.net.StreamOptions
---@return lull.net.Stream read_end
---@return lull.net.Stream write_end
function net.pipe(opts)
  check.options(opts, 1, "pipe", options.stream)
  return native.pipe(opts)
end

--- A socket for datagrams: UDP, or a Unix socket.  Suspends only for a host that has to be
--- resolved.
---@async
---@param opts? lull.net.UdpOptions
---@return lull.net.Udp   raises kinds io, dns
function net.udp(opts)
  return udp.open(opts)
end

--- A stream over a descriptor, whose mode is left as it is: others may share it.  The stream
--- owns the descriptor unless it is 0, 1 or 2, or as opts.close says.
---@param fd integer
---@param opts? lull.net.StreamOptions | { close?: boolean }
---@return lull.net.Stream
function net.from_fd(fd, opts)
  check.options(opts, 2, "from_fd", options.from_fd)
  return native.from_fd(fd, opts)
end

--- Wait until a descriptor can be read (or is at its end).
---@async
---@param fd integer
function net.wait_readable(fd)
  return native.wait_readable(fd)
end

--- Wait until a descriptor can be written.
---@async
---@param fd integer
function net.wait_writable(fd)
  return native.wait_writable(fd)
end

return net
