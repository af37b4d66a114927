--- lull.tls.options: what a script says about TLS, checked, and its files read.
---
--- The outcome is the table that lull.tls.native makes a configuration of; bindings/tls/tlsconfig.c
--- says what is in it.
local check = require "lull.check"
local lull = require "lull"

local options = {}

local VERSIONS <const> = { ["TLSv1.2"] = 0x0303, ["TLSv1.3"] = 0x0304 }
local DEMANDS <const> = { optional = true, ["require"] = true }
local ERRNO <const> = { [2] = "ENOENT", [13] = "EACCES", [21] = "EISDIR", [24] = "EMFILE" }

--- Options of both roles, and what they have to be.
local COMMON <const> = {
  cert = "string", key = "string", password = "string", alpn = "protocols", crl_file = "string",
  min_version = "version", max_version = "version", ciphers = "string", ciphersuites = "string",
  resume = "boolean", handshake_timeout = "seconds",
}

local function with_common(own)
  for name, kind in pairs(COMMON) do own[name] = kind end
  return own
end

local KNOWN <const> = {
  client = with_common {
    server_name = "name", verify = "boolean", ca = "string", ca_file = "string",
    ca_path = "string", fingerprint = "fingerprint",
  },
  server = with_common {
    certificates = "table", client_ca = "string", verify = "demand",
  },
}

local CERTIFICATE <const> = {
  cert = "string", key = "string", password = "string", names = "strings",
}

--- The options of one connection, which are no matter of its context.
local OF_CONNECTION <const> = {
  server_name = "name", handshake_timeout = "seconds", fingerprint = "fingerprint",
}

local function is_string(value)
  return type(value) == "string"
end

local function is_list_of(value, test)
  if type(value) ~= "table" or #value == 0 then return false end
  for _, item in ipairs(value) do
    if not test(item) then return false end
  end
  return true
end

local function is_protocol(value)
  return is_string(value) and #value > 0 and #value < 256
end

local function is_fingerprint(value)
  local digits <const> = is_string(value) and value:gsub(":", "")
  return digits and #digits == 64 and not digits:find "%X"
end

--- Can a host be asked for by this?  A dot in front would stand for all names below it.
---@param text string
---@return boolean
function options.is_name(text)
  return #text > 0 and #text < 256 and not text:find "^%." and not text:find "[^\x21-\x7e]"
end

--- Tests, and what is said of what fails them.
local kinds <const> = {
  boolean = { function(v) return type(v) == "boolean" end, "must be true or false" },
  string = { is_string, "must be a string" },
  table = { function(v) return type(v) == "table" end, "must be a table" },
  strings = { function(v) return is_list_of(v, is_string) end, "must be a list of strings" },
  protocols = {
    function(v) return is_protocol(v) or is_list_of(v, is_protocol) end,
    "must be a protocol's name or a list of such names",
  },
  version = { function(v) return VERSIONS[v] ~= nil end, 'must be "TLSv1.2" or "TLSv1.3"' },
  seconds = {
    function(v) return type(v) == "number" and v > 0 end, "must be a number of seconds > 0",
  },
  demand = {
    function(v) return DEMANDS[v] ~= nil end, 'must be "optional" or, the default, "require"',
  },
  name = {
    function(v) return is_string(v) and options.is_name(v) end,
    "must be a host's name, in ASCII, or numeric address",
  },
  fingerprint = {
    function(v) return is_fingerprint(v) or is_list_of(v, is_fingerprint) end,
    "must be a SHA-256 in hexadecimal, or a list of these",
  },
}

--- A function that raises an argument error.
local function failing(argument, name)
  return function(message, ...) check.fail(argument, name, message:format(...)) end
end

local function check_known(opts, known, fail)
  for key, value in pairs(opts) do
    local kind <const> = known[key]
    if not kind then fail("unknown TLS option '%s'", tostring(key)) end
    if not kinds[kind][1](value) then fail("%s %s", key, kinds[kind][2]) end
  end
end

--- The whole of a file.
local function read_file(path)
  local file <close>, message, errnum = io.open(path, "rb")
  if file then
    local text
    text, message, errnum = file:read "a"
    if text then return text end
    message = path .. ": " .. message
  end
  error(lull.new_error("io", message, { op = "tls.context", code = ERRNO[errnum] }), 0)
end

local function is_pem(text)
  return text:find("-----BEGIN ", 1, true) ~= nil
end

--- What is given itself, in PEM form, or the file of that name.
local function text_of(given)
  if not given or is_pem(given) then return given end
  return read_file(given)
end

--- A certificate with its key, which may lie in the same file.
local function entry_of(opts, fail)
  if not opts.cert then fail("cert is missing") end
  return {
    cert = text_of(opts.cert),
    key = text_of(opts.key or opts.cert),
    password = opts.password,
    names = opts.names,
    label = is_pem(opts.cert) and "certificate" or ("certificate '%s'"):format(opts.cert),
  }
end

--- The list of protocols as it is sent (RFC 7301, section 3.1).
local function packed(protocols)
  if not protocols then return nil end
  local parts <const> = {}
  for i, protocol in ipairs(is_string(protocols) and { protocols } or protocols) do
    parts[i] = ("s1"):pack(protocol)
  end
  return table.concat(parts)
end

--- What is the same for both roles.
local function common(opts, fail)
  local min <const>, max <const> = VERSIONS[opts.min_version], VERSIONS[opts.max_version]
  if min and max and min > max then fail("min_version is above max_version") end
  if opts.key and not opts.cert then fail("a key needs a cert") end
  return {
    min = min, max = max, ciphers = opts.ciphers, ciphersuites = opts.ciphersuites,
    alpn = packed(opts.alpn), crl = opts.crl_file and read_file(opts.crl_file),
    resume = opts.resume,
  }
end

--- Options of a client.
---@param opts table
---@param argument integer  its number, for errors
---@param name string       of the public function
---@return table
function options.client(opts, argument, name)
  local fail <const> = failing(argument, name)
  check_known(opts, KNOWN.client, fail)
  local texts <const> = common(opts, fail)
  texts.verify = opts.verify ~= false
  texts.ca_path = opts.ca_path
  if opts.ca or opts.ca_file then
    texts.ca = (opts.ca or "") .. "\n" .. (opts.ca_file and read_file(opts.ca_file) or "")
  end
  texts.system = texts.verify and not texts.ca and not opts.ca_path
  if opts.cert then texts.certificates = { entry_of(opts, fail) } end
  return texts
end

--- Options of a server.
---@param opts table
---@param argument integer
---@param name string
---@return table
function options.server(opts, argument, name)
  local fail <const> = failing(argument, name)
  check_known(opts, KNOWN.server, fail)
  local texts <const> = common(opts, fail)
  texts.certificates = {}
  if opts.cert then texts.certificates[1] = entry_of(opts, fail) end
  for _, certificate in ipairs(opts.certificates or {}) do
    if type(certificate) ~= "table" then fail("certificates must be a list of tables") end
    check_known(certificate, CERTIFICATE, fail)
    table.insert(texts.certificates, entry_of(certificate, fail))
  end
  if #texts.certificates == 0 then fail("a TLS server needs a cert") end
  if (opts.verify or opts.crl_file) and not opts.client_ca then
    fail("verify and crl_file need client_ca")
  end
  texts.ca = text_of(opts.client_ca)
  texts.verify = opts.client_ca ~= nil
  texts.require = texts.verify and opts.verify ~= "optional"
  return texts
end

--- Options beside a context: those of one connection.
---@param opts table
---@param argument integer
---@param name string
function options.connection(opts, argument, name)
  local fail <const> = failing(argument, name)
  for key in pairs(opts) do
    if key ~= "context" and not OF_CONNECTION[key] then
      fail("%s is a matter of the TLS context", tostring(key))
    end
  end
  local own <const> = {}
  for key in pairs(OF_CONNECTION) do own[key] = opts[key] end
  check_known(own, OF_CONNECTION, fail)
  return own
end

return options
