--- lull.serve: `lull serve`, a web server for a folder.
local http = require "lull.http"
local log = require "lull.http.log"
local lull = require "lull"
local middleware = require "lull.http.middleware"
local unknown = require "lull.program.unknown"

local serve = {}

local USAGE <const> = [[
usage: lull serve [options] [folder]

Serve the files of a folder (the current one) by HTTP, until Ctrl-C.

  --host=HOST        address to listen on (127.0.0.1; "*": all)
  --port=PORT        port to listen on (8080; 0: any that is free)
  --index=NAME       file that answers for its folder (index.html)
  --listing          answer for folders without one with a list
  --dotfiles         serve names that begin with a dot, too
  --max-age=SECONDS  how long browsers may keep files without asking
  --precompressed    send x.br, x.zst or x.gz for x to who takes that
  --compress         compress texts on the way
  --cors             let pages of other origins read the files
  --log[=FORMAT]     a line for each response to stderr: common, combined, json
  --tls-cert=FILE    serve by HTTPS: certificate chain (PEM) ...
  --tls-key=FILE     ... and key
  -h, --help         show this text

`lull --workers N serve ...` does it with N processes.
]]

--- Options by name: "flag", "text", "number", or "either": with or without a text.
local KINDS <const> = {
  ["--host"] = "text", ["--port"] = "number", ["--index"] = "text", ["--listing"] = "flag",
  ["--dotfiles"] = "flag", ["--max-age"] = "number", ["--precompressed"] = "flag",
  ["--compress"] = "flag", ["--cors"] = "flag", ["--log"] = "either", ["--tls-cert"] = "text",
  ["--tls-key"] = "text", ["--help"] = "flag", ["-h"] = "flag",
}
local FORMATS <const> = { common = true, combined = true, json = true }

--- The value of an option, which may be the next argument; nil and why when it is wrong.
local function value_of(kind, name, text, following)
  if kind == "flag" then
    if text then return nil, name .. " takes no value" end
    return true, nil, 0
  elseif kind == "either" then
    return text or true, nil, 0
  end
  local value <const> = text or following
  if not value then return nil, name .. " needs a value" end
  local number <const> = math.tointeger(tonumber(value))
  if kind == "number" and (not number or number < 0) then
    return nil, name .. " needs a number, not '" .. value .. "'"
  end
  return kind == "number" and number or value, nil, text and 0 or 1
end

--- Which of several processes this is; nil: the only one, or one that may not know.
local function worker_number()
  local ok <const>, number <const> = pcall(os.getenv, "LULL_WORKER")
  return ok and number or nil
end

--- What does not go together.
local function fault(options)
  if (options.tls_cert == nil) ~= (options.tls_key == nil) then
    return "--tls-cert and --tls-key go together"
  elseif options.port and options.port > 65535 then
    return "no such port: " .. options.port
  elseif options.port == 0 and worker_number() then
    return "several processes need one port: --port=0 will not do"
  elseif type(options.log) == "string" and not FORMATS[options.log] then
    return "--log is common, combined or json"
  end
end

--- Read a command line.
---@param ... string
---@return table? options
---@return string? why  not
function serve.read(...)
  local given <const>, options <const> = { ... }, {}
  local i, only_names = 1, false
  while given[i] do
    local argument <const> = given[i]
    if argument == "--" and not only_names then
      only_names = true
    elseif argument:sub(1, 1) == "-" and argument ~= "-" and not only_names then
      local name <const>, text <const> = argument:match "^([^=]*)=?(.*)$"
      local kind <const> = KINDS[name]
      if not kind then return nil, unknown("lull serve", argument, KINDS) end
      local has_text <const> = argument:find("=", 1, true)
      local value <const>, why <const>, used <const> =
        value_of(kind, name, has_text and text or nil, given[i + 1])
      if value == nil then return nil, why end
      options[name:gsub("^%-+", ""):gsub("%-", "_")] = value
      i = i + used
    elseif options.folder then
      return nil, "one folder only"
    else
      options.folder = argument
    end
    i = i + 1
  end
  local why <const> = fault(options)
  if why then return nil, why end
  return options
end

--- Start the server that the options describe.
---@async
---@param options table  of serve.read
---@return lull.http.Server
function serve.start(options)
  local app <const> = http.router()
  if options.cors then app:use(middleware.cors()) end
  if options.compress then app:use(require "lull.http.compress"()) end
  app:static("/", options.folder or ".", {
    index = options.index, listing = options.listing, dotfiles = options.dotfiles,
    max_age = options.max_age, precompressed = options.precompressed,
  })
  return http.serve({
    host = options.host,
    port = options.port or 8080,
    reuse_port = worker_number() ~= nil or nil,
    tls = options.tls_cert and { cert = options.tls_cert, key = options.tls_key } or nil,
    access_log = options.log and log.new(options.log == true and "common" or options.log) or nil,
  }, app)
end

--- Where a browser finds it.
local function url_of(options, server)
  local host = options.host or "127.0.0.1"
  if host == "*" then host = "localhost" end
  if host:find(":", 1, true) then host = "[" .. host .. "]" end
  return ("%s://%s:%d/"):format(options.tls_cert and "https" or "http", host, server.port)
end

local function fail(message)
  io.stderr:write("lull serve: ", message, "\n")
  os.exit(1)
end

--- The command.
---@async
---@param ... string  its arguments
function serve.main(...)
  local options <const>, why <const> = serve.read(...)
  if not options then
    fail(why)
  elseif options.help or options.h then
    io.stdout:write(USAGE)
    return
  end
  local ok <const>, server <const> = pcall(serve.start, options)
  if not ok then
    if not lull.is_error(server) then error(server, 0) end
    fail(server.message)
  end
  local worker <const> = worker_number()
  if not worker or worker == "1" then
    print(("serving %s at %s"):format(options.folder or ".", url_of(options, server)))
    io.stdout:flush()
  end
  server:wait()
end

return serve
