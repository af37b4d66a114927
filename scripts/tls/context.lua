--- lull.tls.context: the class of TLS contexts.
local check = require "lull.check"
local native = require "lull.tls.native"
local options = require "lull.tls.options"

--- What connections have in common: certificates, keys, whom to trust, sessions to resume.
--- Goes wherever `tls` does: net.connect{ tls = context }, net.serve{ tls = context }.
---@class lull.tls.Context
---@field role "client"|"server"
---@field private config userdata  of lull.tls.native
---@field private source table     the options it was made of
---@field private verifies boolean
local Context <const> = {}
Context.__index = Context
Context.__name = "lull.tls.Context"

local context = {}

local function source_of(role, opts, name)
  local source <const> = {}
  check.type(opts, 1, name, "table", role == "client")
  for key, value in pairs(opts or {}) do source[key] = value end
  return source
end

--- Make one.
---@param role "client"|"server"
---@param opts? table
---@param name string  of the public function
---@return lull.tls.Context
function context.new(role, opts, name)
  local source <const> = source_of(role, opts, name)
  local texts <const> = options[role](source, 1, name)
  return setmetatable({
    role = role, config = native[role](texts), source = source, verifies = texts.verify,
  }, Context)
end

--- Is it one?
---@param value any
---@return boolean
function context.is(value)
  return getmetatable(value) == Context
end

--- Read the files anew, or take other options.  Connections made from now on go by them; if
--- something is wrong with them nothing has changed.
---@param opts? lull.tls.ClientOptions | lull.tls.ServerOptions  the same as before
function Context:reload(opts)
  check.self(self, Context, "reload")
  local source <const> = opts and source_of(self.role, opts, "reload") or self.source
  local texts <const> = options[self.role](source, 1, "reload")
  local config <const> = native[self.role](texts, self.config)
  self.source, self.config, self.verifies = source, config, texts.verify
end

function Context:__tostring()
  return "TLS context (" .. self.role .. ")"
end

return context
