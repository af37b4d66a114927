--- driver.contenders: who takes part, how each is found, built and run.
---
--- `probe` tells whether it is installed, `version` what to print about it,
--- `program(env, dir)` the command line of its program in that folder.
local shell = require "driver.shell"
local tools = require "driver.tools"

---@class bench.Contender
---@field name string
---@field probe? string          command that succeeds when it is there
---@field version? string        command that prints its version
---@field missing? string        what to say when it is not there
---@field yardstick? boolean     part of the harness, not a contender
---@field tool? string           the program of yardstick/ it needs or is
---@field program fun(env: bench.Env, dir: string): string
---@field build? fun(env: bench.Env, dir: string): string?, string?

local PYTHON <const> = "/usr/bin/python3"
--- Isolated: a program may be called like what it imports.
local PYTHON_ALONE <const> = PYTHON .. " -I"

--- As an ordinary user one may not have its folder in the path.
local NGINX <const> = 'PATH="$PATH:/usr/sbin" nginx'
--- node with the packages that Debian has for it.
local NODE <const> = "NODE_PATH=/usr/share/nodejs node"
local LLHTTP_HEADER <const> = "/usr/share/include/llhttp/llhttp.h"

--- A program that an interpreter runs from its source.
local function script(interpreter, file)
  return function(env, dir)
    return interpreter .. " " .. shell.quote(("%s/%s/%s"):format(env.here, dir, file))
  end
end

--- A program of yardstick/.
local function tool(name)
  return function(env)
    return tools.path(env, name)
  end
end

local function requires(interpreter, module)
  return ("%s -e 'require [[%s]]'"):format(interpreter, module)
end

--- nginx with the configuration in that folder.
local function nginx_program(env, dir)
  return ("%s %s"):format(tools.path(env, "nginx_at"),
    shell.quote(("%s/%s/nginx.conf"):format(env.here, dir)))
end

local function go_program(env, dir)
  return "GOMAXPROCS=1 " .. shell.quote(("%s/go_%s"):format(env.tmp, dir))
end

--- One thread for Go too: CPU time is what counts, and idle threads looking
--- for work would be charged to it.
local function go_build(env, dir)
  return ("cd %s && HOME=%s GOCACHE=%s GO111MODULE=off go build -o go_%s %s"):format(
    shell.quote(env.tmp), shell.quote(env.tmp), shell.quote(env.tmp .. "/go-cache"), dir,
    shell.quote(("%s/%s/go.go"):format(env.here, dir)))
end

--- A program on a library of Python, named like it.
---@return bench.Contender
local function python_library(name)
  return {
    name = name,
    version = ("%s -c 'import %s; print(%s.__version__)'"):format(PYTHON_ALONE, name, name),
    probe = ("%s -c 'import %s'"):format(PYTHON_ALONE, name),
    program = script(PYTHON_ALONE, name .. ".py"),
  }
end

--- A program that measures give the command line of.
---@return bench.Contender
local function program_of_the_system(name)
  return {
    name = name,
    version = name .. " --version | head -n 1",
    probe = name .. " --version",
    program = function() return name end,
  }
end

---@type bench.Contender[]
return {
  { name = "R", yardstick = true, tool = "resume", program = tool("resume") },
  { name = "bare Lua", yardstick = true, tool = "embed", program = tool("embed") },
  { name = "lull sliced", yardstick = true, tool = "embed", program = tool("embed") },
  { name = "lull event", yardstick = true, tool = "embed", program = tool("embed") },
  { name = "raw epoll", yardstick = true, tool = "epoll_echo", program = tool("epoll_echo") },
  { name = "posix_spawn", yardstick = true, tool = "spawn_child", program = tool("spawn_child") },
  { name = "read loop", yardstick = true, tool = "read_files", program = tool("read_files") },
  program_of_the_system("cat"),
  program_of_the_system("cp"),
  program_of_the_system("find"),
  {
    name = "lull",
    missing = "not built",
    version = "{lull} --version",
    probe = "test -x {lull}",
    program = function(env, dir)
      return shell.quote(env.lull) .. " " .. shell.quote(("%s/%s/lull.lua"):format(env.here, dir))
    end,
  },
  {
    name = "lua5.4",
    version = "lua5.4 -v",
    probe = "lua5.4 -v",
    program = script("lua5.4", "lua.lua"),
  },
  {
    name = "busted",
    version = "lua5.4 /usr/bin/busted --version | sed 's/^/busted /'",
    probe = "lua5.4 -e 'require [[busted.core]]' && test -e /usr/bin/busted",
    program = function() return "lua5.4 /usr/bin/busted" end,
  },
  {
    name = "go",
    version = "go version",
    probe = "go version",
    program = go_program,
    build = go_build,
  },
  {
    name = "asyncio",
    version = PYTHON .. " --version",
    probe = PYTHON .. " -c 'import asyncio'",
    program = script(PYTHON, "python.py"),
  },
  {
    name = "Pool.map",
    version = PYTHON .. " --version",
    probe = PYTHON .. " -c 'import multiprocessing'",
    program = script(PYTHON, "pool.py"),
  },
  {
    name = "uvloop",
    version = PYTHON .. " -c 'import uvloop; print(uvloop.__version__)'",
    probe = PYTHON .. " -c 'import uvloop'",
    program = script("BENCH_LOOP=uvloop " .. PYTHON, "python.py"),
  },
  {
    name = "node",
    version = "node --version",
    probe = "node --version",
    program = script("node", "node.js"),
  },
  {
    name = "cqueues",
    version = "lua5.4 -e 'print(require [[cqueues]].VERSION)'",
    probe = requires("lua5.4", "cqueues"),
    program = script("lua5.4", "cqueues.lua"),
  },
  {
    name = "luv",
    version = "lua5.4 -e 'print(require [[luv]].version_string())'",
    probe = requires("lua5.4", "luv"),
    program = script("lua5.4", "luv.lua"),
  },
  {
    name = "copas",
    version = "lua5.1 -e 'print(require [[copas]]._VERSION)'",
    probe = requires("lua5.1", "copas"),
    program = script("lua5.1", "copas.lua"),
  },
  {
    name = "tarantool",
    version = "tarantool --version | head -n 1",
    probe = "tarantool --version",
    program = script("tarantool", "tarantool.lua"),
  },
  {
    name = "C floor",
    missing = "needs node-llhttp",
    version = "sed -n 's/#define LLHTTP_VERSION_MAJOR /epoll, llhttp /p' " .. LLHTTP_HEADER,
    probe = "test -e " .. LLHTTP_HEADER,
    tool = "http_floor",
    program = tool("http_floor"),
  },
  {
    name = "nginx",
    version = "(" .. NGINX .. " -v 2>&1)",
    probe = NGINX .. " -v",
    tool = "nginx_at",
    program = nginx_program,
  },
  {
    name = "evhttp",
    version = "pkg-config --modversion libevent",
    probe = "pkg-config --exists libevent",
    tool = "evhttp_hello",
    program = tool("evhttp_hello"),
  },
  {
    name = "curl multi",
    missing = "needs libcurl and libevent with their headers",
    version = "pkg-config --modversion libcurl",
    probe = "pkg-config --exists libcurl libevent",
    tool = "curl_multi",
    program = tool("curl_multi"),
  },
  {
    name = "curl",
    version = "curl --version | cut -d' ' -f1,2 | head -n 1",
    probe = "curl --version",
    program = function() return "curl" end,
  },
  python_library("uvicorn"),
  python_library("aiohttp"),
  python_library("fastapi"),
  python_library("websockets"),
  {
    name = "aiofiles",
    version = PYTHON_ALONE .. " -c 'import importlib.metadata as m; print(m.version(\"aiofiles\"))'",
    probe = PYTHON_ALONE .. " -c 'import aiofiles'",
    program = script(PYTHON_ALONE, "aiofiles.py"),
  },
  {
    name = "node ws",
    version = NODE .. [[ -p 'require("ws/package.json").version']],
    probe = NODE .. [[ -e 'require("ws")']],
    program = script(NODE, "ws.js"),
  },
}
