--- lull.crypto: digests, base64 and random bytes, on strings.
local native = require "lull.crypto.native"

local crypto = {}

--- The SHA-1 digest (RFC 3174).  For protocols that ask for it: it withstands no attack.
---@param bytes string
---@return string digest  20 bytes
function crypto.sha1(bytes)
  return native.sha1(bytes)
end

--- The SHA-256 digest (RFC 6234).
---@param bytes string
---@return string digest  32 bytes
function crypto.sha256(bytes)
  return native.sha256(bytes)
end

--- The keyed digest HMAC-SHA-256 (RFC 2104), as for signatures.  Compare with `equal`.
---@param key string
---@param bytes string
---@return string digest  32 bytes
function crypto.hmac_sha256(key, bytes)
  return native.hmac_sha256(key, bytes)
end

--- Encode as base64 (RFC 4648, section 4), padded, on one line.
---@param bytes string
---@return string text
function crypto.base64_encode(bytes)
  return native.base64_encode(bytes)
end

--- Decode base64.  Strict: padded, no other characters, and nothing that has a second form.
---@param text string
---@return string? bytes  nil when it is no base64
function crypto.base64_decode(text)
  return native.base64_decode(text)
end

--- Encode in the alphabet for URLs and file names (RFC 4648, section 5), without padding.
---@param bytes string
---@return string text
function crypto.base64url_encode(bytes)
  return native.base64url_encode(bytes)
end

--- Decode the alphabet for URLs, with or without padding.
---@param text string
---@return string? bytes  nil when it is none
function crypto.base64url_decode(text)
  return native.base64url_decode(text)
end

--- Bytes that nobody can guess, as for keys and session names.
---@param n integer  up to 1 MiB
---@return string bytes
function crypto.random(n)
  return native.random(n)
end

--- Are two strings the same?  How long it takes tells nothing but whether their lengths are.
---@param a string
---@param b string
---@return boolean
function crypto.equal(a, b)
  return native.equal(a, b)
end

return crypto
