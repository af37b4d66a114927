---@meta lull.tls
--
-- Definitions for editors: contexts, which hold what connections by TLS have in common.

---@class lull.tls
local tls = {}

--- What concerns one connection; may stand beside a context, too.
---@class lull.tls.ConnectionOptions
---@field server_name? string        whom to ask for and to verify, a name or a numeric address; the host
---  that was connected to
---@field handshake_timeout? number  seconds for all of the handshake; 10
---@field fingerprint? string|string[]  SHA-256 of the peer's certificate, in hexadecimal, one of which
---  must be right; in addition to what `verify` says

---@class lull.tls.CommonOptions
---@field cert? string       what we show: a file in PEM form, or the text; with what has to be sent along
---@field key? string        its private key, likewise; by default it is where `cert` is
---@field password? string   of an encrypted key
---@field alpn? string|string[]  protocols above TLS, the preferred one first
---@field min_version? "TLSv1.2"|"TLSv1.3"  "TLSv1.2"
---@field max_version? "TLSv1.2"|"TLSv1.3"  the highest there is
---@field ciphers? string      of TLS 1.2, in OpenSSL's form; those that keep the past secret
---@field ciphersuites? string of TLS 1.3, likewise; OpenSSL's default
---@field resume? boolean      resume sessions; true
---@field crl_file? string     revocation lists in PEM form: what they name is refused, and the issuer of
---  the peer's certificate must have one

---@class lull.tls.ClientOptions: lull.tls.CommonOptions, lull.tls.ConnectionOptions
---@field context? lull.tls.Context  in place of all options but those of one connection
---@field verify? boolean  refuse who cannot be trusted, or is not who was asked for; true
---@field ca_file? string  authorities to trust in place of the system's, a file in PEM form
---@field ca? string       the same, as text
---@field ca_path? string  the same, a folder as `openssl rehash` makes it

---@class lull.tls.Certificate
---@field cert string
---@field key? string
---@field password? string
---@field names? string[]  for whom it is, "*.example.org" too; those that stand in it

---@class lull.tls.ServerOptions: lull.tls.CommonOptions
---@field context? lull.tls.Context  in place of all options but handshake_timeout
---@field handshake_timeout? number  seconds for all of the handshake; 10
---@field certificates? lull.tls.Certificate[]  several, chosen by the name that a client asks for; the
---  first is for other names.  Those of the same name have keys of different kinds
---@field client_ca? string  authorities whose clients are let in, a file in PEM form or the text
---@field verify? "optional"|"require"  may clients come without a certificate?  With client_ca
---  "require"

---@class lull.tls.StartOptions: lull.tls.ClientOptions, lull.tls.ServerOptions
---@field server? boolean  be the accepting side; false, unless the context is one of a server

--- A certificate.
---@class lull.tls.Peer
---@field subject string     "CN=...,O=..."
---@field issuer string
---@field names string[]     names and addresses that it is for
---@field not_before integer seconds since 1970
---@field not_after integer
---@field serial string      hexadecimal
---@field fingerprint_sha256 string  hexadecimal
---@field pem string

--- What was agreed on.
---@class lull.tls.Description
---@field version "TLSv1.2"|"TLSv1.3"
---@field cipher string
---@field alpn? string
---@field server_name? string  whom the client asked for
---@field resumed boolean      is it a session of before?
---@field verified boolean     was the peer's certificate looked at, and good?
---@field peer? lull.tls.Peer

--- A context of clients, which keeps sessions and certificates that have been loaded.  Raises `io`,
--- `tls` for files that cannot be used.
---@param opts? lull.tls.ClientOptions
---@return lull.tls.Context
function tls.client(opts) end

--- A context of servers.  Raises `io`, `tls` for files that cannot be used.
---@param opts lull.tls.ServerOptions
---@return lull.tls.Context
function tls.server(opts) end

-- Context ---------------------------------------------------------------------------------

--- What connections have in common; goes wherever the option `tls` does.
---@class lull.tls.Context
---@field role "client"|"server"
local Context = {}

--- Read the files anew, or take other options, for connections that are made from now on.
--- Raises, with nothing changed, if they cannot be used.
---@param opts? lull.tls.ClientOptions|lull.tls.ServerOptions  the same as before
function Context:reload(opts) end

return tls
