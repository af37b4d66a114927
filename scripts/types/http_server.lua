---@meta lull.http.server
--
-- Definitions for editors: the server of `lull.http`, where `serve` is `http.serve`.

---@class lull.http.server
local server = {}

---@class lull.http.ServeOptions: lull.net.ServeOptions
---@field header_timeout? number  seconds for a head, from its first byte or from connecting; 10
---@field idle_timeout? number    seconds between requests; 75
---@field body_timeout? number    seconds that a body may bring nothing; 30
---@field min_rate? integer       bytes a second that it must bring otherwise; 1024
---@field write_timeout? number   seconds that a client may take nothing of a response; 30
---@field max_body? integer       bytes that req:body() reads; 1 MiB
---@field max_line? integer       bytes of the request line; 8 KiB
---@field max_head? integer       bytes of a head; 64 KiB, and 1 MiB at most
---@field max_fields? integer     fields of a head; 100, and 256 at most
---@field max_requests? integer   requests of one connection; no limit
---@field server? string          sent as the header Server; none
---@field grace? number           seconds that requests have when the server's scope is cancelled, or its
---  `<close>` comes; 0
---@field cancel_on_disconnect? boolean  cancel a handler whose client is gone; no
---@field on_error? fun(req: lull.http.server.Request, err: any): any  the response in place of a bare 500
---@field access_log? fun(entry: lull.http.LogEntry)  called after every response

---@class lull.http.LogEntry
---@field request? lull.http.server.Request  nil: it was none, and was refused
---@field method? string
---@field target? string
---@field status integer  0: the client was gone before
---@field bytes integer   of the body
---@field peer? string    the client's address
---@field seconds number  since the head was complete

--- What a handler returns: a string is text, nothing is 204, a function is a body in pieces.
---@alias lull.http.Result nil|string|lull.http.Reply|fun(): string?

---@class lull.http.Reply
---@field status? integer   200; 200 to 599
---@field headers? table<string, string|number|(string|number)[]>
---@field body? string|fun(): string?  a function is called until it returns nil; it may suspend.  What
---  is called and has a method `close` is closed when it is no longer needed
---@field json? any         in place of a body
---@field trailers? table<string, string>|fun(): table<string, string>  behind a body in pieces

--- Start a server.
---@param opts lull.http.ServeOptions
---@param handler fun(req: lull.http.server.Request): lull.http.Result  or a router.  An error with a field
---  `status` from 400 is answered with that, any other with 500, and reported
---@return lull.http.Server  owned by the current scope
function server.serve(opts, handler) end

--- A running server.
---@class lull.http.Server
---@field port? integer  nil for a Unix socket
local Server = {}

--- Accept no more connections; those that wait for a request end at once, the others with the
--- response they are being given.
function Server:stop() end

--- Stop, cancel the handlers and wait for them to end.
---@async
function Server:close() end

--- Stop, and wait for what is being answered; close after so many seconds.
---@async
---@param seconds? number  nil: however long it takes
function Server:drain(seconds) end

--- Wait until the server has been closed and its handlers have ended.
---@async
function Server:wait() end

--- Where it listens.
---@return string host_or_path
---@return integer? port
function Server:sockname() end

--- Use other certificates from the next connection on.
---@param opts? lull.tls.ServerOptions  nil: the same files, read again
function Server:reload_tls(opts) end

--- A request.  What it says is found when it is asked for; a script may assign any field.  What
--- reading the body raises (kind `http`, with `status`) is answered with that status.
---@class lull.http.server.Request
---@field method string        as it came: "GET"
---@field target string        as it came: "/a%20b?c=d"
---@field path string          decoded, then dot segments resolved; "%2F" is a slash; "*" for all
---@field query_string string  as it came, without the question mark
---@field query table<string, string>    the first value of each
---@field host? string         with the port, if there is one
---@field version string       "1.1" or "1.0"
---@field headers table<string, string>  names in lower case, looked up in any; several joined
---@field cookies table<string, string>
---@field params table<string, string>   what a router has found in the path
---@field peer? string         the client's address; nil for a Unix socket
---@field peer_port? integer
---@field id string            unique, for logs
---@field scheme string        "http" or "https"
---@field tls? table           what is known of the TLS connection
---@field max_body integer     bytes that body() reads
---@field closed boolean       the client is known to be gone, or to have its answer
local Request = {}

--- The values of a header, joined; nil without one.
---@param name string  in any case
---@return string?
function Request:header(name) end

--- The values of a header.
---@param name string  in any case
---@return string[]
function Request:header_all(name) end

--- The values of a parameter of the query.
---@param name string
---@return string[]
function Request:query_all(name) end

--- The whole body, however often it is asked for; the rest where some was read.  Above max_body it
--- raises status 413.
---@async
---@return string
function Request:body() end

--- Some of the body: at least one byte, nil at its end.  There is no limit of all of it, and the
--- client waits for who reads.
---@async
---@param max? integer  64 KiB
---@return string?
function Request:read_some(max) end

--- The body as JSON.  Raises status 415 where it is not said to be JSON, 400 where it is none.
---@async
---@return any
function Request:json() end

--- The fields of a form.
---@async
---@param opts? table  see lull.http.form
---@return table
function Request:form(opts) end

--- The parts of a multipart body, as they arrive.
---@async
---@param opts? table  see lull.http.form
---@return fun(): any
function Request:parts(opts) end

--- What came behind a body in chunks; empty until it has been read.
---@return table<string, string>
function Request:trailers() end

--- Change for this request what the server's options say: max_body, body_timeout,
--- cancel_on_disconnect.  Other names are left alone.
---@param opts table
function Request:configure(opts) end

--- Go on with another protocol: 101, or 200 without one, and the stream is the handler's.  It is
--- closed when the handler returns.
---@param protocol? string  which the client must have offered; nil: none, as for CONNECT
---@param headers? table<string, string>
---@return lull.net.Stream  raises kind http: 426 where the client does not offer the protocol
function Request:upgrade(protocol, headers) end

--- Become a WebSocket, which is closed when the handler returns.  What asks for something else is
--- answered with 426 or 400.
---@async
---@param opts? table  see lull.websocket
---@return any
function Request:websocket(opts) end

return server
