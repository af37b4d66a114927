---@meta lull.crypto
--
-- Definitions for editors: digests, base64 and random bytes, on strings.

---@class lull.crypto
local crypto = {}

--- The SHA-1 digest (RFC 3174), for protocols that ask for it.  Raises `io`.
---@param bytes string
---@return string digest # 20 bytes
function crypto.sha1(bytes) end

--- The SHA-256 digest (RFC 6234).  Raises `io`.
---@param bytes string
---@return string digest # 32 bytes
function crypto.sha256(bytes) end

--- The keyed digest HMAC-SHA-256 (RFC 2104).  Compare with `equal`.  Raises `io`.
---@param key string
---@param bytes string
---@return string digest # 32 bytes
function crypto.hmac_sha256(key, bytes) end

--- Encode as base64 (RFC 4648, section 4), padded, on one line.
---@param bytes string
---@return string text
function crypto.base64_encode(bytes) end

--- Decode base64: padded, no other characters, and nothing that has a second form.
---@param text string
---@return string? bytes # nil when it is no base64
function crypto.base64_decode(text) end

--- Encode in the alphabet for URLs (RFC 4648, section 5), without padding.
---@param bytes string
---@return string text
function crypto.base64url_encode(bytes) end

--- Decode the alphabet for URLs, with or without padding.
---@param text string
---@return string? bytes # nil when it is none
function crypto.base64url_decode(text) end

--- Bytes that nobody can guess.  Raises `io`.
---@param n integer # up to 1 MiB
---@return string bytes
function crypto.random(n) end

--- Are two strings the same?  How long it takes tells only whether their lengths are.
---@param a string
---@param b string
---@return boolean
function crypto.equal(a, b) end

return crypto
