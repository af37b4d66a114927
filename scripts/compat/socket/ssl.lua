--- lull.compat.socket.ssl: the table `ssl`, as LuaSec has it.
---
--- ssl.wrap takes over the stream of a socket; dohandshake protects it.  The parameters are
--- LuaSec's: mode, protocol, certificate, key, password, certificates, cafile, capath, verify,
--- options, ciphers, ciphersuites, alpn; others are ignored.  Nothing older than TLS 1.2 is
--- spoken.
local check = require "lull.check"
local clock = require "lull.compat.socket.clock"
local inbox = require "lull.compat.socket.inbox"
local lull = require "lull"
local outcome = require "lull.compat.socket.outcome"
local tcp = require "lull.compat.socket.tcp"

local ssl = {
  _VERSION = "1.2 (lull " .. lull.version .. ")",
  _COPYRIGHT = "",
  config = {
    algorithms = { ec = true },
    capabilities = { alpn = true },
    options = { all = true, no_sslv2 = true, no_sslv3 = true, no_tlsv1 = true, no_tlsv1_1 = true,
      no_tlsv1_2 = true, no_tlsv1_3 = true },
    protocols = { any = true, tlsv1_2 = true, tlsv1_3 = true },
  },
}

---@class lull.compat.socket.Ssl: lull.compat.socket.Tcp
---@field package params table
---@field package name? string  whom the client asks for
local Ssl <const> = {}

for name, method in pairs(tcp.methods) do Ssl[name] = method end

local meta <const> = { __index = Ssl, __close = function(self) self:close() end }
tcp.classes[meta] = true

function meta:__tostring()
  return ("SSL connection: %p"):format(self)
end

-- Parameters -----------------------------------------------------------------------------------

local ANY <const> = { any = true, sslv23 = true, tls = true, [""] = true }
local ONLY <const> = { tlsv1_2 = "TLSv1.2", tlsv1_3 = "TLSv1.3" }

--- Names in a parameter that is a name or a list of names.
local function names_in(value)
  local names <const> = {}
  for _, name in ipairs(type(value) == "table" and value or { value }) do names[name] = true end
  return names
end

local function versions(params)
  local only <const> = ONLY[params.protocol]
  local without <const> = names_in(params.options)
  return only or (without.no_tlsv1_2 and "TLSv1.3") or nil,
    only or (without.no_tlsv1_3 and "TLSv1.2") or nil
end

--- The options of a client's stream:start_tls.
local function client_options(self, params, opts)
  opts.verify = names_in(params.verify).peer == true
  opts.ca_file, opts.ca_path = params.cafile, params.capath
  opts.cert, opts.key, opts.password = params.certificate, params.key, params.password
  opts.server_name = self.name or self.host
  return opts
end

--- The options of a server's stream:start_tls.
local function server_options(params, opts)
  local verify <const> = names_in(params.verify)
  opts.server = true
  opts.cert, opts.key, opts.password = params.certificate, params.key, params.password
  if params.certificates then
    opts.certificates = {}
    for i, one in ipairs(params.certificates) do
      opts.certificates[i] = { cert = one.certificate, key = one.key, password = one.password }
    end
  end
  if verify.peer then
    opts.verify = "optional"
    if verify.fail_if_no_peer_cert then opts.verify = "require" end
    opts.client_ca = params.cafile
  end
  return opts
end

local function options_of(self)
  local params <const> = self.params
  local min <const>, max <const> = versions(params)
  local left <const> = self.clock:left()
  local opts <const> = {
    min_version = min, max_version = max, ciphers = params.ciphers,
    ciphersuites = params.ciphersuites, alpn = params.alpn,
    handshake_timeout = left and math.max(left, 0.001) or math.huge,
  }
  if params.mode == "server" then return server_options(params, opts) end
  return client_options(self, params, opts)
end

--- Parameters as a context; they are looked at when they are used.
---@param params table
---@return table?
---@return string? message
function ssl.newcontext(params)
  if not ANY[params.protocol or ""] and not ONLY[params.protocol] then
    return nil, "invalid protocol (" .. tostring(params.protocol) .. ")"
  end
  if params.mode ~= "client" and params.mode ~= "server" then return nil, "invalid mode" end
  return { params = params }
end

-- Connections ----------------------------------------------------------------------------------

--- Take over a socket's stream.
---@param sock lull.compat.socket.Tcp
---@param context table  or parameters
---@return lull.compat.socket.Ssl?
---@return string? message
function ssl.wrap(sock, context)
  if not context.params then
    local made <const>, message <const> = ssl.newcontext(context)
    if not made then return nil, message end
    context = made
  end
  local present <const>, why <const> = pcall(require, "lull.tls")
  if not present then return nil, tostring(why) end
  if not sock.stream then return nil, "closed" end
  if sock:dirty() then return nil, "bytes were received before the handshake" end
  local self <const> = setmetatable({
    role = "client", params = context.params, host = sock.host, stream = sock.stream,
    clock = clock.new(), inbox = inbox.new(), arrived = {}, received = 0, sent = 0,
    since = lull.now(),
  }, meta)
  sock.stream = nil
  return self
end

--- Choose whom a client asks for.
---@param name string
function Ssl:sni(name)
  tcp.check_self(self, "sni")
  if type(name) ~= "string" then
    error("sni: a server takes `certificates`, by whose names it chooses", 2)
  end
  self.name = name
end

--- Shake hands.
---@async
---@return boolean
---@return string? message
function Ssl:dohandshake()
  tcp.check_self(self, "dohandshake")
  if self.is_ready then return true end
  if not self.stream then return false, "closed" end
  self.clock:start()
  local stream <const>, message <const> =
    outcome.of(self.stream.start_tls, self.stream, options_of(self))
  if not stream then return false, message end
  self.is_ready = true
  return true
end

for _, name in ipairs { "receive", "send" } do
  local method <const> = Ssl[name]
  Ssl[name] = function(self, ...)
    tcp.check_self(self, name)
    if not self.is_ready then
      local ok <const>, message <const> = self:dohandshake()
      if not ok then return nil, message end
    end
    return method(self, ...)
  end
end

--- What was agreed on: a table, or one field of it.
---@param field? string
---@return any
function Ssl:info(field)
  tcp.check_self(self, "info")
  local about <const> = self.stream and self.stream:tls()
  if not about then return nil end
  local told <const> = { protocol = about.version, cipher = about.cipher }
  if field then return told[field] end
  return told
end

--- The application's protocol.
---@return string?
function Ssl:getalpn()
  tcp.check_self(self, "getalpn")
  local about <const> = self.stream and self.stream:tls()
  return about and about.alpn
end

--- Was the peer's certificate checked?
---@return boolean
---@return table? messages
function Ssl:getpeerverification()
  tcp.check_self(self, "getpeerverification")
  local about <const> = self.stream and self.stream:tls()
  if about and about.verified then return true end
  return false, { "the certificate was not checked" }
end

--- A certificate as far as it can be asked.
local Certificate <const> = {}
Certificate.__index = Certificate
Certificate.__name = "certificate"

--- Its text, in PEM form.
function Certificate:pem()
  check.self(self, Certificate, "pem")
  return self.about.pem
end

--- Its SHA-256, the only digest there is.
---@param algorithm? string
function Certificate:digest(algorithm)
  check.self(self, Certificate, "digest")
  if algorithm ~= "sha256" then return nil, "digest algorithm not supported" end
  return self.about.fingerprint_sha256
end

--- The peer's certificate.
---@return table?
function Ssl:getpeercertificate()
  tcp.check_self(self, "getpeercertificate")
  local about <const> = self.stream and self.stream:tls()
  return about and about.peer and setmetatable({ about = about.peer }, Certificate)
end

--- What a handshake waits for: it waits itself.
---@return string
function Ssl.want() return "nothing" end

--- There is none.
function Ssl.compression() return nil end

return ssl
