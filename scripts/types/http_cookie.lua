---@meta lull.http.cookie
--
-- Definitions for editors: cookies, read tolerantly and written strictly.

---@class lull.http.cookie
local cookie = {}

---@class lull.http.CookieAttributes
---@field path? string|false       "/"; false: the folder of the request's path
---@field domain? string           also its subdomains; none: this host only
---@field max_age? integer         seconds; none: until the browser is closed; 0: remove it
---@field expires? integer         as os.time() has it; max_age goes before
---@field secure? boolean          over TLS only; false
---@field http_only? boolean       not for scripts of pages; true
---@field same_site? string|false  "strict", "lax" (default), "none" (needs secure); false: unsaid
---@field partitioned? boolean     one jar per site that embeds this one (needs secure); false

---@class lull.http.SignerOptions
---@field max_age? number  seconds that a signature is good for; no limit

--- Read a Cookie header; of each name the first.
---@param header string
---@return table<string, string>
function cookie.parse(header) end

--- Write a Set-Cookie header.
---@param name string
---@param value string
---@param attributes? lull.http.CookieAttributes
---@return string
function cookie.format(name, value, attributes) end

--- Add a cookie to the headers of a response.
---@param headers table
---@param name string
---@param value string
---@param attributes? lull.http.CookieAttributes
function cookie.set(headers, name, value, attributes) end

--- Have the browser remove a cookie: path and domain must be those it was set with.
---@param headers table
---@param name string
---@param attributes? lull.http.CookieAttributes
function cookie.remove(headers, name, attributes) end

--- A signer.  The first key signs, all are believed.
---@param keys string|string[]  each at least 16 bytes that nobody can guess
---@param opts? lull.http.SignerOptions
---@return lull.http.CookieSigner
function cookie.signer(keys, opts) end

-- CookieSigner ----------------------------------------------------------------------------

--- Writes values that clients can read but not change, nor use under another name.
---@class lull.http.CookieSigner
local CookieSigner = {}

--- Sign a value; any bytes will do.
---@param name string  the cookie's
---@param value string
---@param now? integer  the time; os.time()
---@return string signed
function CookieSigner:sign(name, value, now) end

--- The value, if it was signed and is not too old.
---@param name string
---@param signed? string
---@param now? integer  the time; os.time()
---@return string? value
function CookieSigner:verify(name, signed, now) end

return cookie
