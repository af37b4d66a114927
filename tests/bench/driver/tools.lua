--- driver.tools: the C programs of yardstick/, each compiled when first needed.
local shell = require "driver.shell"

local tools = {}

---@class bench.Tool
---@field with? string       another source of yardstick/ that is part of it
---@field flags? string      for the compiler, after the sources
---@field package? string    what pkg-config knows the library by
---@field fallback? string   flags where pkg-config does not know it
---@field lull? boolean      has lull inside, of the build that is measured

--- node's parser in C, as Debian's node-llhttp has it.
local LLHTTP <const> = "/usr/share/llhttp/llhttp.c /usr/share/llhttp/http.c /usr/share/llhttp/api.c"

---@type table<string, bench.Tool>
local TOOLS <const> = {
  resume = { package = "lua5.4", fallback = "-I/usr/include/lua5.4 -llua5.4" },
  startup = {},
  ready = { flags = "-lutil" },
  spawn_child = {},
  read_files = {},
  epoll_echo = {},
  load = { with = "server" },
  http_load = { with = "server", package = "openssl" },
  ws_load = { with = "server" },
  beside = { with = "server" },
  curl_multi = { package = "libcurl libevent" },
  http_floor = { flags = "-I/usr/share/include/llhttp " .. LLHTTP },
  evhttp_hello = { package = "libevent" },
  nginx_at = {},
  embed = { package = "lua5.4 libevent", lull = true },
}

--- The static library beside the program, with all that it may be asked for.
local function flags_of_lull(env)
  local build <const> = env.lull:match("^(.*)/[^/]*$")
  return ("-I%s -rdynamic %s -pthread -ldl "):format(shell.quote(build .. "/gen"),
    shell.quote(build .. "/liblull.a"))
end

---@param env bench.Env
---@param tool bench.Tool
---@return string?
local function flags_of(env, tool)
  local flags = (tool.flags or "") .. (tool.lull and flags_of_lull(env) or "")
  if tool.package then
    local found <const> = shell.output("pkg-config --cflags --libs " .. tool.package)
    if not found and not tool.fallback then
      return nil
    end
    flags = flags .. " " .. (found or tool.fallback)
  end
  return flags
end

local function compile(env, name)
  local tool <const> = TOOLS[name]
  local flags <const> = flags_of(env, tool)
  if not flags then
    return tool.package .. " is not installed"
  end
  local sources = shell.quote(("%s/yardstick/%s.c"):format(env.here, name))
  if tool.with then
    sources = sources .. " " .. shell.quote(("%s/yardstick/%s.c"):format(env.here, tool.with))
  end
  local command <const> = ("cc -std=c11 -O2 -o %s %s %s"):format(tools.path(env, name), sources, flags)
  return not os.execute(command) and ("cannot compile yardstick/%s.c"):format(name) or ""
end

--- The program, as a word for sh.
---@param env bench.Env
---@param name string
---@return string
function tools.path(env, name)
  return shell.quote(env.tmp .. "/" .. name)
end

--- Compiles a program, unless that was tried before.
---@param env bench.Env
---@param name string
---@return string?   why it cannot be had; nil when it is there
function tools.missing(env, name)
  env.tools[name] = env.tools[name] or compile(env, name)
  return env.tools[name] ~= "" and env.tools[name] or nil
end

return tools
