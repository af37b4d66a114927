--- lull.net.secure: where streams meet lull.tls, which is loaded when it is first asked for.
local check = require "lull.check"
local core = require "lull.core"
local lull = require "lull"
local stream_class = require "lull.net.stream".class

local secure = {}

local function handshake()
  return require "lull.tls.handshake"
end

--- The plan of a client; nil when its options do not ask for TLS.
---@param opts? table
---@param host? string
---@param port? integer
---@param argument integer  of the options
---@param name string       of the public function
---@return lull.tls.Plan?
function secure.client(opts, host, port, argument, name)
  if not (opts and opts.tls) then return nil end
  return handshake().client(opts.tls, host, port, argument, name)
end

--- Shake hands on a stream that was just connected, if there is a plan.
---@async
---@param stream lull.net.Stream
---@param plan? lull.tls.Plan
---@return lull.net.Stream
function secure.connected(stream, plan)
  return plan and handshake().own(stream, plan) or stream
end

--- The plan of whoever listens; nil when the options do not ask for TLS.
---@param opts table
---@param name string  of the public function
---@return lull.tls.Plan?
function secure.server(opts, name)
  if opts.on_handshake_error ~= nil then check.callable(opts.on_handshake_error, 1, name) end
  return opts.tls and handshake().listening(opts.tls, name) or nil
end

--- Have an object, a listener or a server, follow a plan, if there is one.
---@generic T
---@param object T
---@param plan? lull.tls.Plan
---@param opts table
---@return T
function secure.attach(object, plan, opts)
  object.plan = plan
  object.on_handshake_error = opts.on_handshake_error
  object.failed_handshakes = 0
  return object
end

--- A handshake has failed: a matter of the client's, mostly.
local function failed(object, err, host, port)
  object.failed_handshakes = object.failed_handshakes + 1
  if lull.is_error(err, "memory") or not lull.is_error(err) then core.report(err) end
  if not object.on_handshake_error then return end
  local ok <const>, problem <const> = pcall(object.on_handshake_error, err, host, port)
  if not ok then core.report(problem) end
end

--- Shake hands with a client, if the object does that.  False: it failed, the stream is closed.
---@async
---@param object table
---@param stream lull.net.Stream
---@return boolean
function secure.accepted(object, stream)
  if not object.plan then return true end
  local host <const>, port <const> = stream:peer()
  local ok <const>, err <const> = pcall(handshake().own, stream, object.plan)
  if not ok then failed(object, err, host, port) end
  return ok
end

--- Have an object go on with other certificates.
---@param object table
---@param opts? table
function secure.reload(object, opts)
  if not object.plan then
    error(lull.new_error("usage", tostring(object) .. " has no TLS"), 3)
  end
  object.plan.context:reload(opts)
end

-- Methods of streams -------------------------------------------------------------------------

--- Set the methods of streams that are about TLS.
---@param methods table
function secure.extend(methods)
  --- Protect a stream that is in use.  What was read ahead belongs to TLS already.
  function methods.start_tls(stream, opts)
    check.self(stream, stream_class, "start_tls")
    return handshake().run(stream, handshake().start(opts))
  end

  --- What was agreed on.
  function methods.tls(stream)
    check.self(stream, stream_class, "tls")
    local native <const> = package.loaded["lull.tls.native"]
    return native and native.describe(stream)
  end
end

return secure
