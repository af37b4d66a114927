---@meta lull.http
--
-- Definitions for editors: HTTP for scripts, both ends.  What is about servers is in http_server.lua.
--
-- Where not everything is allowed, every request, also after a redirection, needs permission to
-- connect to the host and port of its URL (or `unix:PATH` of its socket), and to its proxy beside
-- that; files with certificates need `read`, downloads `write`, and to resume them `read`.
-- Variables that name proxies and may not be read do not count.

---@class lull.http
local http = {}

---@class lull.http.Timeouts
---@field connect? number     seconds for a connection, TLS included, once it is not in line; 30
---@field first_byte? number  seconds from the request to its answer; 300
---@field idle? number        seconds that nothing of a body comes; 300, none where it is streamed
---@field total? number       seconds for everything, from the call: line, redirections, retries; none

---@class lull.http.Retries
---@field max integer          how many times more
---@field backoff? number      seconds before the second try, doubled each time; 0.5
---@field max_wait? number     seconds of any pause, whatever the server asks for; 30
---@field on? (integer|string)[]  statuses and kinds; 429, 502, 503, 504, "io", "dns", "timeout"
---@field any_method? boolean  POST and PATCH, too

---@class lull.http.Auth
---@field user? string
---@field password? string
---@field digest? boolean   answer a challenge (RFC 7616); else basic
---@field bearer? string    a token, in place of user and password

--- What requests and clients may be told.
---@class lull.http.CommonOptions
---@field headers? table<string, string|number|false|(string|number)[]>  false: not this one
---@field auth? lull.http.Auth
---@field timeout? number|lull.http.Timeouts  a number: for everything
---@field retries? integer|lull.http.Retries|false
---@field proxy? string|false  an http, https, socks4, socks4a, socks5 or socks5h URL; as
---  http_proxy, https_proxy, all_proxy and no_proxy say; `usage` if what they say names no proxy
---@field verify? boolean        false: any certificate will do
---@field ca_file? string        authorities to trust, and no others
---@field cert? string           a certificate of one's own, and...
---@field key? string            ...its key; paths
---@field unix_socket? string    a path, in place of the URL's host and port
---@field max_redirects? integer 10; 0: none is followed
---@field max_body? integer      bytes, decompressed; 64 MiB, none where it is streamed
---@field http_version? "1.0"|"1.1"|"2"|"2-prior"  2 over TLS if the server has it

---@class lull.http.RequestOptions: lull.http.CommonOptions
---@field query? table|string    names and values, or pairs in order
---@field body? string|(fun(): string?)|lull.net.Stream|file*
---@field json? any              a body
---@field form? table            a body, as of a form
---@field multipart? table       a body, as of a form with files: {name=, data=, filename=, type=}
---@field cookies? table<string, string|number>
---@field stream? boolean        return when the head is there; the response holds its connection
---  until it was read to its end or closed

---@class lull.http.Request: lull.http.RequestOptions
---@field url string
---@field method? string  GET

---@class lull.http.ClientOptions: lull.http.CommonOptions
---@field max_connections? integer  at a time; 100.  Requests beyond wait in line, as long as their
---  timeout allows ("no connection was free"): read streamed responses to the end, or close them
---@field max_per_host? integer     to one host, in the same way; no limit but the former
---@field max_idle? integer         kept for later; max_connections
---@field cookies? boolean          keep a jar; true

---@class lull.http.DownloadOptions: lull.http.RequestOptions
---@field progress? true|fun(done: integer, total: integer?)  true: a bar on standard error
---@field resume? boolean  go on where a call before has stopped, if the file is still the same

--- Make a GET request.  Redirections are followed; to another origin they take no credentials
--- along.  Raises `dns`, `io`, `tls`, `http`, `timeout`, `limit`.
---@async
---@param url string
---@param opts? lull.http.RequestOptions
---@return lull.http.Response
function http.get(url, opts) end

--- Make a POST request; as get.
---@async
---@param url string
---@param opts? lull.http.RequestOptions
---@return lull.http.Response
function http.post(url, opts) end

--- Make a PUT request; as get.
---@async
---@param url string
---@param opts? lull.http.RequestOptions
---@return lull.http.Response
function http.put(url, opts) end

--- Make a PATCH request; as get.
---@async
---@param url string
---@param opts? lull.http.RequestOptions
---@return lull.http.Response
function http.patch(url, opts) end

--- Make a DELETE request; as get.
---@async
---@param url string
---@param opts? lull.http.RequestOptions
---@return lull.http.Response
function http.delete(url, opts) end

--- Make a HEAD request; as get.
---@async
---@param url string
---@param opts? lull.http.RequestOptions
---@return lull.http.Response
function http.head(url, opts) end

--- Make any request; as get.
---@async
---@param opts lull.http.Request
---@return lull.http.Response
function http.request(opts) end

--- Fetch a file: into one beside `path`, which takes its name when it is complete.  Raises as get
--- does, `http` for any status but success, and `io`, with `path`, `op` and `code`, for the file.
---@async
---@param url string
---@param path string
---@param opts? lull.http.DownloadOptions
---@return lull.http.Response  without its body
function http.download(url, path, opts) end

--- A client with connections, cookies, limits and defaults of its own.
---@param opts? lull.http.ClientOptions
---@return lull.http.Client
function http.client(opts) end

--- Start a server.
---@async
---@param opts lull.http.ServeOptions
---@param handler any  a function of a request, or a router
---@return lull.http.Server
function http.serve(opts, handler) end

--- A response of server-sent events.
---@param ... any
---@return table
function http.sse(...) end

--- A router, to be passed to serve.
---@return table
function http.router() end

-- Client ----------------------------------------------------------------------------------

---@class lull.http.Cookie
---@field name string
---@field value string
---@field domain string
---@field path? string         "/"
---@field subdomains? boolean  hosts below the domain get it, too
---@field secure? boolean      for https only
---@field http_only? boolean
---@field expires? integer     seconds of the epoch; nil: with the client

--- A client; also a to-be-closed value.
---@class lull.http.Client
local Client = {}

--- As http.get.
---@async
---@param url string
---@param opts? lull.http.RequestOptions
---@return lull.http.Response
function Client:get(url, opts) end

--- As http.post.
---@async
---@param url string
---@param opts? lull.http.RequestOptions
---@return lull.http.Response
function Client:post(url, opts) end

--- As http.put.
---@async
---@param url string
---@param opts? lull.http.RequestOptions
---@return lull.http.Response
function Client:put(url, opts) end

--- As http.patch.
---@async
---@param url string
---@param opts? lull.http.RequestOptions
---@return lull.http.Response
function Client:patch(url, opts) end

--- As http.delete.
---@async
---@param url string
---@param opts? lull.http.RequestOptions
---@return lull.http.Response
function Client:delete(url, opts) end

--- As http.head.
---@async
---@param url string
---@param opts? lull.http.RequestOptions
---@return lull.http.Response
function Client:head(url, opts) end

--- As http.request.
---@async
---@param opts lull.http.Request
---@return lull.http.Response
function Client:request(opts) end

--- As http.download.
---@async
---@param url string
---@param path string
---@param opts? lull.http.DownloadOptions
---@return lull.http.Response
function Client:download(url, path, opts) end

--- What is in the jar.
---@return lull.http.Cookie[]
function Client:cookies() end

--- Put a cookie into the jar.
---@param cookie lull.http.Cookie
function Client:set_cookie(cookie) end

--- Empty the jar.
function Client:clear_cookies() end

--- End what it does with `closed`, and its connections.
function Client:close() end

-- Response --------------------------------------------------------------------------------

---@class lull.http.Event
---@field data string
---@field event string     "message" when it has no type
---@field id string        the last that was named
---@field retry? integer   milliseconds to wait before asking again

--- A response; also a to-be-closed value: `local res <close> = http.get(url, { stream = true })`.
--- A streamed one that is long has its connection until it was read to its end, closed or
--- collected; a client with as many as it may have makes the next request wait for that.
---
--- A body that is shorter than its Content-Length, or without its last chunk, raises `io`.  But one
--- that was compressed, and cut short before its length was told, looks complete: libcurl does not
--- notice (with "Accept-Encoding" among the headers bodies are as they came, for lull.compress).
---@class lull.http.Response
---@field status integer
---@field reason string
---@field version string     "1.0", "1.1", "2"
---@field url string         in the end, without user and password
---@field redirects integer  how many were followed
---@field headers table<string, string>  lower-case names, found in any case
---@field body? string       decompressed; nil when it is streamed
local Response = {}

--- All fields of a name, in their order.
---@param name string
---@return string[]
function Response:header_all(name) end

--- Read the body as io.read does: formats "l", "L", "a" and numbers.  Raises `io`, `timeout`,
--- `limit`, `closed`, `busy`.
---@async
---@param ... string|integer
---@return string? ...
function Response:read(...) end

--- What is there, at least one byte; nil at the end.
---@async
---@param max? integer
---@return string?
function Response:read_some(max) end

--- So many bytes; nil at the end.  Raises `eof` with `partial`.
---@async
---@param count integer
---@return string?
function Response:read_exact(count) end

--- Up to and with a separator; nil at the end.  Raises `eof` with `partial`, `limit`.
---@async
---@param separator string
---@param limit? integer  bytes; 1 MiB
---@return string?
function Response:read_until(separator, limit) end

--- Iterate over the body's lines.
---@param format? string|integer  "l"
---@return async fun(): string?
function Response:lines(format) end

--- Iterate over the body as server-sent events.
---@return async fun(): lull.http.Event?
function Response:events() end

--- The body, which is JSON.  Raises `json`.
---@async
---@return any
function Response:json() end

--- Raise `http`, with `status` and `response`, for a status of 400 and above.
---@return lull.http.Response  itself
function Response:raise_for_status() end

--- Stop a streamed response, which gives its connection back; what was not read is lost.  Without
--- `stream` there is nothing to stop, and this does nothing.
function Response:close() end

return http
