---@meta lull.http.middleware
--
-- Definitions for editors: what many applications put around their handlers.

---@class lull.http.middleware
local middleware = {}

---@class lull.http.CorsOptions
---@field origins? "*"|string[]|fun(origin: string): boolean  who may read responses; "*": everybody
---@field methods? string[]     that a page may use; all that it asks for
---@field headers? string[]     that a page may send; all that it asks for
---@field expose? string[]      headers of responses that a page may read
---@field credentials? boolean  pages may send cookies; needs origins by name
---@field max_age? integer      seconds that a browser may keep an answer to its question; 600

---@class lull.http.RequestIdOptions
---@field header? string  "x-request-id"
---@field trust? boolean  take the client's; true

---@class lull.http.SecureOptions
---@field headers? table<string, string|false>  more headers; false leaves one out
---@field hsts? integer|false  seconds for which browsers come by TLS only; 180 days; over TLS

---@class lull.http.BasicAuthOptions
---@field users? table<string, string>  passwords by names
---@field verify? fun(user: string, password: string): boolean  in their place
---@field realm? string  what browsers show; "restricted"

---@class lull.http.RateOptions
---@field rate number     requests a second
---@field burst? integer  how many at once; the rate, but at least 1
---@field key? fun(req: table): string?  tells clients apart (nil: no limit); the address

--- Let pages of other origins read responses.
---@param opts? lull.http.CorsOptions
---@return lull.http.Middleware
function middleware.cors(opts) end

--- Give requests names: `req.id`, sent back in a header.
---@param opts? lull.http.RequestIdOptions
---@return lull.http.Middleware
function middleware.request_id(opts) end

--- Set headers that make browsers careful, where the handler has set none.
---@param opts? lull.http.SecureOptions
---@return lull.http.Middleware
function middleware.secure_headers(opts) end

--- Cancel handlers past a time, and answer 503.
---@param seconds number
---@return lull.http.Middleware
function middleware.timeout(seconds) end

--- Ask for a name and a password; the name is `req.user`.
---@param opts lull.http.BasicAuthOptions
---@return lull.http.Middleware
function middleware.basic_auth(opts) end

--- Answer 429 to clients that come too often.
---@param opts lull.http.RateOptions
---@return lull.http.Middleware
function middleware.rate_limit(opts) end

return middleware
