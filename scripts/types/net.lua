---@meta lull.net
--
-- Definitions for editors: streams over TCP, Unix sockets and pipes; connecting and serving.
--
-- Where not everything is allowed, connecting needs the permission `connect=HOST:PORT` for the
-- host as it is written, listening `listen=HOST:PORT`, with port 0 for any and host "*" for every
-- address; Unix sockets `unix:PATH`, and names outside the file system `native`, as descriptors
-- by number do: from_fd, wait_readable, wait_writable.  Names are looked up as lull.dns may.
-- Files of TLS options need `read`.  Without it is raised `permission`, before anything begins.
-- `limit` is raised where the host allows no more handles, or no more bytes to be buffered: a
-- write that might have to be queued then sends nothing, a read takes nothing; both may be tried
-- again.  A listener waits instead until there may be one more connection.

---@class lull.net
local net = {}

---@class lull.net.StreamOptions
---@field timeout? number      seconds that any single wait may take, that of connecting included; no limit
---@field max_line? integer    bytes of a line, or of read_until; 1 MiB
---@field max_all? integer     bytes of read("a"); 64 MiB
---@field high_water? integer  bytes: a write that leaves more unsent waits; 64 KiB
---@field low_water? integer   bytes: until no more than this is left; a quarter of that

---@class lull.net.ConnectOptions: lull.net.StreamOptions
---@field tls? true|lull.tls.ClientOptions|lull.tls.Context  protect the stream; true: with the defaults

---@class lull.net.FromFdOptions: lull.net.StreamOptions
---@field close? boolean  close the descriptor with the stream; true, but for 0, 1 and 2

---@class lull.net.ListenOptions: lull.net.StreamOptions
---@field host? string         "127.0.0.1"; "*": every address, of both families
---@field port? integer        0: any that is free
---@field path? string         a Unix socket, in place of host and port, or with a NUL in front a name
---  outside the file system (Linux).  A socket's file at which nobody listens any more is replaced,
---  any other raises EADDRINUSE; the file is removed at the end
---@field backlog? integer     connections that the system may hold; its maximum
---@field reuse_port? boolean  share the port with other processes that say so
---@field tls? lull.tls.ServerOptions|lull.tls.Context  protect the streams
---@field on_handshake_error? fun(err: any, host?: string, port?: integer)  told of clients that fail in
---  their handshake, which nobody is else

---@class lull.net.ServeOptions: lull.net.ListenOptions
---@field max_connections? integer  at so many accepting pauses; 10,000, or 3/4 of the
---  descriptors that the process may have, if that is less

--- Connect by TCP, trying the addresses of a name side by side.  Raises `dns`, `io`,
--- `timeout`, `tls`.
---@async
---@param host string  a name or a numeric address
---@param port integer
---@param opts? lull.net.ConnectOptions
---@return lull.net.Stream
function net.connect(host, port, opts) end

--- Connect to a Unix socket.  Raises `io`, `timeout`, `tls`.
---@async
---@param path string
---@param opts? lull.net.ConnectOptions
---@return lull.net.Stream
function net.connect_unix(path, opts) end

--- Start a server, owned by the current scope: every connection is handled by a task of its
--- own.  What a handler raises is reported, its stream closed, and the server goes on.  Raises
--- `io`, `dns`; `usage` outside a task.  Suspends only to resolve a host's name.
---@async
---@param opts lull.net.ServeOptions
---@param handler async fun(stream: lull.net.Stream)
---@return lull.net.Server
function net.serve(opts, handler) end

--- Listen for connections, to accept them one by one.  Raises `io`, `dns`.  Suspends only to
--- resolve a host's name.
---@async
---@param opts lull.net.ListenOptions
---@return lull.net.Listener
function net.listen(opts) end

--- Two connected streams.  Raises `io`.
---@param opts? lull.net.StreamOptions
---@return lull.net.Stream
---@return lull.net.Stream
function net.pair(opts) end

--- A pipe.  Raises `io`.
---@param opts? lull.net.StreamOptions
---@return lull.net.Stream read_end
---@return lull.net.Stream write_end
function net.pipe(opts) end

--- A socket for datagrams: UDP's, or with a `path` a Unix socket.  Raises `io`, `dns`.  Suspends
--- only to resolve a host's name.
---@async
---@param opts? lull.net.UdpOptions
---@return lull.net.Udp
function net.udp(opts) end

--- A stream over a descriptor that is open already.  Raises `io`.
---@param fd integer
---@param opts? lull.net.FromFdOptions
---@return lull.net.Stream
function net.from_fd(fd, opts) end

--- Wait until a descriptor can be read, or is at its end.  Raises `io`; `closed` when lull closes
--- it.  Close no descriptor of others while it is waited for.
---@async
---@param fd integer
function net.wait_readable(fd) end

--- Wait until a descriptor can be written.  Raises `io`, `closed`.
---@async
---@param fd integer
function net.wait_writable(fd) end

-- Server ----------------------------------------------------------------------------------

--- A running server; also a to-be-closed value.
---@class lull.net.Server
---@field port? integer  nil for a Unix socket
---@field failed_handshakes integer  of clients, with TLS
local Server = {}

--- Accept no more; what is being handled goes on.
function Server:stop() end

--- Stop accepting, cancel the handlers and wait for them to end.
---@async
function Server:close() end

--- Stop accepting and wait for the handlers to end by themselves, then close.  In one of its own
--- handlers it needs a time, and raises `usage` without.
---@async
---@param seconds? number  to wait; nil: however long it takes
function Server:drain(seconds) end

--- Wait until the server has been closed and its handlers have ended.  Raises `usage` in one of
--- its own handlers.
---@async
function Server:wait() end

--- Go on with other certificates, for clients that come from now on: read their files anew, or take
--- other options.  Raises, with nothing changed, if they cannot be used.
---@param opts? lull.tls.ServerOptions  the same as before
function Server:reload_tls(opts) end

--- Where it listens.
---@return string host_or_path
---@return integer? port
function Server:sockname() end

-- Listener --------------------------------------------------------------------------------

--- A socket that accepts connections; also a to-be-closed value.
---@class lull.net.Listener
---@field port? integer  nil for a Unix socket
---@field failed_handshakes integer  of clients, with TLS
local Listener = {}

--- Wait for a connection.  Several tasks may: first come, first served.  With TLS the handshake
--- is part of it, which a slow client draws out up to its timeout; who fails in it is passed
--- over.  Raises `closed`, `io`.
---@async
---@return lull.net.Stream
function Listener:accept() end

--- Go on with other certificates, for clients that come from now on: read their files anew, or take
--- other options.  Raises, with nothing changed, if they cannot be used.
---@param opts? lull.tls.ServerOptions  the same as before
function Listener:reload_tls(opts) end

--- Stop listening; who waits gets `closed`.
function Listener:close() end

--- Where it listens, or did.
---@return string host_or_path
---@return integer? port
function Listener:sockname() end

-- Stream ----------------------------------------------------------------------------------

--- A connection, a pipe's end or another descriptor; also a to-be-closed value.
---
--- One task reads at a time, a second gets `busy`; several may write, and take turns.  What
--- waits raises `closed` when the stream is closed under it, `timeout` past `set_timeout`, and
--- `io`.  A read that raised has taken nothing.
---@class lull.net.Stream
local Stream = {}

---@alias lull.net.Format
---| "l"      # a line without its end
---| "L"      # a line with its end
---| "a"      # everything up to the end
---| integer  # up to so many bytes

--- Read like `io.read`, without "n".  Raises `limit` for a line longer than `max_line`, or
--- more than `max_all` bytes for "a".
---@async
---@param ... lull.net.Format  "l"
---@return string? ... # nil at the end
function Stream:read(...) end

--- Iterate like `io.lines`, without closing.  Calling the iterator suspends and raises as
--- `read` does.
---@param ... lull.net.Format  "l"
---@return async fun(): string?, ...
function Stream:lines(...) end

--- Read what is there: at least one byte.
---@async
---@param max? integer  bytes at most
---@return string? # nil at the end
function Stream:read_some(max) end

--- Iterate over what comes, as `read_some` gives it, until the end, without closing.
---@param max? integer  bytes of a piece, at most
---@return async fun(): string?
function Stream:chunks(max) end

--- Read so many bytes.  Raises `eof` with `partial` when the stream ends before.
---@async
---@param n integer
---@return string? # nil when it ended before the first
function Stream:read_exact(n) end

--- Read up to a separator, which is included.  Raises `limit`; `eof` with `partial` when the
--- stream ends before.
---@async
---@param separator string
---@param limit? integer  bytes; `max_line`
---@return string? # nil when it ended before the first byte
function Stream:read_until(separator, limit) end

--- Write.  Waits while more than `high_water` bytes are unsent.
---@async
---@param ... string|number
---@return lull.net.Stream self
function Stream:write(...) end

--- Wait until the system has taken all that was written.
---@async
---@return lull.net.Stream self
function Stream:flush() end

--- Flush, and end the writing side.
---@async
---@return lull.net.Stream self
function Stream:shutdown() end

--- Close; who waits gets `closed`.  What was written is still sent, in the background, for up
--- to 10 seconds.
function Stream:close() end

--- Close and drop what is unsent; a TCP peer gets a reset.
function Stream:abort() end

--- Protect a stream that is in use, by TLS.  Raises `busy` while others read or write, and
--- `tls`, `timeout`, `io` when the handshake fails, which closes the stream.
---@async
---@param opts? lull.tls.StartOptions|lull.tls.Context
---@return lull.net.Stream self
function Stream:start_tls(opts) end

--- What was agreed on by TLS.
---@return lull.tls.Description? # nil for a plain stream, or a closed one
function Stream:tls() end

--- The other end.
---@return string? host_or_path # nil when it is no socket
---@return integer? port
function Stream:peer() end

--- This end.
---@return string? host_or_path # nil when it is no socket, or closed
---@return integer? port
function Stream:sockname() end

--- The descriptor.
---@return integer? # nil when closed
function Stream:fd() end

--- Limit every single wait from now on.
---@param seconds? number  nil: no limit
---@return lull.net.Stream self
function Stream:set_timeout(seconds) end

--- Change the options that are named.
---@param opts lull.net.StreamOptions
---@return lull.net.Stream self
function Stream:set_options(opts) end

return net
