---@meta _
--
-- Definitions for editors: sockets for datagrams, as net.udp opens them.
--
-- Where not everything is allowed, binding needs the permission `listen=HOST:PORT`, sending and
-- connecting `connect=HOST:PORT`, joining a group `listen` for the group.  A socket that is opened
-- without host and port needs `listen=*:0` when it receives, unless it is connected.

---@class lull.net.UdpSettings
---@field timeout? number                  seconds that any single wait may take; no limit
---@field broadcast? boolean               may send to broadcast addresses; false
---@field ttl? integer                     1 to 255: routers that a datagram may pass; the system's
---@field multicast_ttl? integer           0 to 255: the same of multicast; 1
---@field multicast_loopback? boolean      multicast it sends comes back to this machine; true
---@field multicast_interface? string|integer  the interface multicast leaves by; the system's choice

---@class lull.net.UdpOptions: lull.net.UdpSettings
---@field host? string            where it receives.  "*": every address, of both families: the default,
---  unless a port is given: then "127.0.0.1"
---@field port? integer           0: any that is free
---@field path? string            a Unix socket, in place of host and port, its file treated as that of
---  net.listen; "": with a name that the system finds (Linux), so that others can answer
---@field connect? { [1]: string, [2]: integer? }  what it is connected to: host and port, or the
---  path of a Unix socket
---@field max_size? integer       bytes that a datagram may have; 65,536.  A longer one is lost, and
---  raises `limit`
---@field reuse_port? boolean     share the port with other sockets that say so, each getting some
---@field reuse_address? boolean  the same as multicast needs it: all of them get what comes

--- A socket for datagrams; also a to-be-closed value.
---
--- What one `send` was given, one `recv` returns; an empty datagram is "".  Several tasks may
--- receive, and are served in order; several may send.  What waits raises `closed` when the socket
--- is closed under it, `timeout` past `set_timeout`, and `io`.
---@class lull.net.Udp
---@field port? integer  nil for a Unix socket
local Udp = {}

--- Send a datagram.  Waits only while the system, or the Unix socket it goes to, has no room.  A
--- connected socket needs no destination, another raises `usage` without.  Raises `io`, `dns`.
---@async
---@param bytes string
---@param host? string   a name or a numeric address, or the path of a Unix socket
---@param port? integer
---@return lull.net.Udp self
function Udp:send(bytes, host, port) end

--- Wait for a datagram.  Raises `limit` for one longer than `max_size`, which is lost; `io`,
--- ECONNREFUSED, when a connected socket learns that nobody receives what it sent.
---@async
---@return string bytes
---@return string? host_or_path # nil for a Unix socket without a name
---@return integer? port
function Udp:recv() end

--- A datagram that is there, without waiting.  Raises `limit`, `io`, `closed`.
---@return string? bytes # nil when there is none
---@return string? host_or_path
---@return integer? port
function Udp:try_recv() end

--- Iterate over what comes, until the socket is closed.  Datagrams longer than `max_size` are
--- passed over.  Calling the iterator suspends and raises as `recv` does.
---@return async fun(): string?, string?, integer?
function Udp:messages() end

--- Send there from now on unless told otherwise, and receive from there only.  Raises `io`, `dns`.
--- Suspends only to resolve a name.
---@async
---@param host string  a name or a numeric address, or the path of a Unix socket
---@param port? integer
---@return lull.net.Udp self
function Udp:connect(host, port) end

--- Join a multicast group: receive what is sent to it.  Raises `io`.
---@param group string  its numeric address
---@param interface? string|integer  name or number; the system's choice
---@return lull.net.Udp self
function Udp:join(group, interface) end

--- Leave a multicast group.  Raises `io`.
---@param group string
---@param interface? string|integer  as when it was joined
---@return lull.net.Udp self
function Udp:leave(group, interface) end

--- Change the options that are named.  Raises `io`.
---@param opts lull.net.UdpSettings
---@return lull.net.Udp self
function Udp:set_options(opts) end

--- Limit every single wait from now on.
---@param seconds? number  nil: no limit
---@return lull.net.Udp self
function Udp:set_timeout(seconds) end

--- Close; who waits gets `closed`.  The file of a Unix socket is removed.
function Udp:close() end

--- Where it receives, or did.
---@return string? host_or_path # nil for a Unix socket without a name
---@return integer? port
function Udp:sockname() end

--- What it is connected to.
---@return string? host_or_path # nil when it is not
---@return integer? port
function Udp:peer() end

--- The descriptor.
---@return integer? # nil when closed
function Udp:fd() end
