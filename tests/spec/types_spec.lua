--- types_spec.lua: the definition files for editors (scripts/types) say what there is.
---
--- Each file is read as text and, since it is Lua, run: what `require` returns and what live
--- objects have must be what it defines, both ways.  Metatables are locked for scripts, not for
--- the debug library, so methods are enumerated from the objects themselves.

local lull = require "lull"
local net = require "lull.net"
local sync = require "lull.sync"

local TYPES <const> = "scripts/types"

--- One function of a definition file.
---@class Definition
---@field where string      file:line
---@field doc string[]      the comment lines above it
---@field parameters string[]
---@field method boolean

--- Classes by name, each a table of definitions by function name.
local function parse(path, classes)
  local variables <const>, doc = {}, {}
  local pending, number = nil, 0
  for line in io.lines(path) do
    number = number + 1
    local class <const> = line:match "^%-%-%-@class ([%w_.]+)"
    local variable <const> = line:match "^local ([%a_]+) = {}$"
    local owner <const>, sep <const>, name <const>, parameters <const> =
      line:match "^function ([%a_]+)([.:])([%w_]+)%((.-)%) end$"
    if owner then
      local list <const> = {}
      for parameter in parameters:gmatch "[^%s,]+" do list[#list + 1] = parameter end
      local definitions <const> = classes[variables[owner]]
      assert(not definitions[name], ("%s:%d: %s is defined twice"):format(path, number, name))
      definitions[name] = {
        where = path .. ":" .. number, doc = doc, parameters = list, method = sep == ":",
      }
    elseif line:find "^function" or line:find "^%s+%S" then
      error(("%s:%d: not the form of a definition"):format(path, number))
    elseif variable then
      variables[variable] = assert(pending, path .. ": no class for " .. variable)
      classes[pending] = {}
    end
    pending = class or line:find "^%-%-%-@field" and pending or nil
    if not line:find "^%-%-%-" then doc = {} else doc[#doc + 1] = line end
  end
end

local function files()
  local found <const> = {}
  local pipe <const> = assert(io.popen("ls " .. TYPES .. "/*.lua"))
  for path in pipe:lines() do found[#found + 1] = path end
  pipe:close()
  return found
end

local classes <const> = {}
for _, path in ipairs(files()) do parse(path, classes) end

--- The modules that the files define, by their first lines; but for those that this build is
--- without.  `path` is that of the file.
local modules <const> = {}
for _, path in ipairs(files()) do
  local name <const> = assert(io.lines(path)()):match "^%-%-%-@meta (lull[%w_.]*)$"
  if name then
    local ok <const>, module <const> = pcall(require, name)
    if ok then
      modules[#modules + 1] = { name = name, module = module, path = path }
    else
      assert(tostring(module):find "needs .* made without", module)
    end
  end
end

local function names_of(functions)
  local names <const> = {}
  for name in pairs(functions) do names[#names + 1] = name end
  table.sort(names)
  return names
end

--- The functions of a table that are no metamethods.
local function functions_of(tbl)
  local functions <const> = {}
  for name, value in next, tbl do
    if type(value) == "function" and name:sub(1, 2) ~= "__" then functions[name] = value end
  end
  return functions
end

--- The methods of an object: its __index, or what that function looks into.
local function methods_of(object)
  local index <const> = debug.getmetatable(object).__index
  if type(index) == "table" then return functions_of(index) end
  local methods <const> = {}
  for i = 1, 255 do
    local name <const>, value = debug.getupvalue(index, i)
    if not name then break end
    if type(value) == "table" then
      for key, method in pairs(functions_of(value)) do methods[key] = method end
    end
  end
  return methods
end

--- Call `check(class, object)` with a live object of each class that has methods.
local function with_objects(check)
  check("lull.Task", lull.current())
  check("lull.Future", lull.future())
  check("lull.Var", lull.var())
  lull.group(function(group) check("lull.Group", group) end)
  local delayed <const> = lull.after(10, print)
  check("lull.Task", delayed)
  delayed:cancel()
  delayed:join()
  local repeated <const> = lull.every(10, print)
  check("lull.Task", repeated)
  repeated:cancel()
  repeated:join()
  local failed <const> = lull.future()
  failed:fail "for its class"
  check("lull.Future", failed)
  pcall(failed.await, failed)

  check("lull.sync.Event", sync.event())
  check("lull.sync.Lock", sync.lock())
  check("lull.sync.Semaphore", sync.semaphore(1))
  check("lull.sync.Condition", sync.condition())
  check("lull.sync.Barrier", sync.barrier(1))
  check("lull.sync.Queue", sync.queue())
  check("lull.sync.Channel", sync.channel())

  local stream <close>, other <const> = net.pair()
  other:close()
  check("lull.net.Stream", stream)
  local listener <close> = net.listen { port = 0 }
  check("lull.net.Listener", listener)
  local server <close> = net.serve({ port = 0 }, print)
  check("lull.net.Server", server)
  local socket <const>, _, _ <close> = dofile("tests/spec/support_ws.lua").raw("client")
  check("lull.websocket.Socket", socket)
  local datagrams <close> = net.udp()
  check("lull.net.Udp", datagrams)
  local temporary <close> = require("lull.fs").temp_dir()
  check("lull.fs.TempDir", temporary)
  local file <close> = require("lull.fs").open("/dev/null")
  check("lull.fs.File", file)
  local watch <close> = require("lull.fs").watch(temporary.path)
  check("lull.fs.Watch", watch)
  check("lull.compress.Stream", require("lull.compress").new "gzip")
  check("lull.http.CookieSigner", require("lull.http.cookie").signer "0123456789abcdef")
  check("lull.http.Router", require("lull.http.router").new())
  check("lull.http.Part", require("lull.http.form").parts {
    headers = { ["content-type"] = "multipart/form-data; boundary=x" },
    read_some = function() return "--x\r\nContent-Disposition: form-data; name=a\r\n\r\n" end,
  }())
  local events
  local body <const> = require("lull.http.sse").new(function(e) events = e end).body
  while body() do end
  body:close()
  check("lull.http.Events", events)
  local pool <close> = require("lull.worker").pool()
  check("lull.worker.Pool", pool)
  local process <close> = require("lull.process").open { "true" }
  check("lull.process.Process", process)
  local signals <close> = require("lull.signal").listen "USR2"
  check("lull.signal.Listener", signals)
  check("lull.log.Logger", require("lull.log").logger "x")
  local screen <const> = require "lull.term.screen"
  local write_error <const> = screen.write_error
  screen.write_error = function() end
  local bar <const>, spinner <const> = require("lull.term").progress(), require("lull.term").spinner "x"
  screen.write_error = write_error
  check("lull.term.Bar", bar)
  check("lull.term.Spinner", spinner)
  check("lull.tls.Context", require("lull.tls").client { verify = false })

  local web <close> = require("lull.http").serve({ port = 0 }, function(req)
    check("lull.http.server.Request", req)
    return ""
  end)
  check("lull.http.Server", web)
  local client <close> = net.connect("127.0.0.1", web.port)
  client:write "GET / HTTP/1.0\r\n\r\n"
  assert(client:read "a":find "^HTTP/1.1 200", "the methods of requests are not those that are defined")
  local web_client <close> = require("lull.http").client()
  check("lull.http.Client", web_client)
  check("lull.http.Response", web_client:get(("http://127.0.0.1:%d/"):format(web.port)))
end

describe("definition files", function()
  it("define the functions of the modules, and no others", function()
    for _, each in ipairs(modules) do
      local name <const> = each.name
      assert.is_table(classes[name], "no definitions for " .. name)
      assert.are.same(names_of(functions_of(each.module)), names_of(classes[name]), name)
    end
  end)

  it("define the methods of every kind of object, and no others", function()
    local seen <const> = {}
    with_objects(function(class, object)
      seen[class] = 1
      assert.is_table(classes[class], "no definitions for " .. class)
      assert.are.same(names_of(methods_of(object)), names_of(classes[class]), class)
    end)
    for class in pairs(classes) do
      assert.is_truthy(seen[class] or not class:find "%u", class .. ": no object of it was seen")
    end
  end)

  it("define only what can be reached from a script", function()
    with_objects(function(class, object)
      for name in pairs(classes[class]) do
        assert.is_function(object[name], class .. ":" .. name)
      end
    end)
  end)

  it("define methods with a colon and functions with a dot", function()
    for class, definitions in pairs(classes) do
      for _, definition in pairs(definitions) do
        assert.are.equal(class:find "%u" ~= nil, definition.method, definition.where)
      end
    end
  end)

  it("describe every function", function()
    for class, definitions in pairs(classes) do
      for name, definition in pairs(definitions) do
        local text <const> = table.concat(definition.doc, "\n")
        local described <const> = text:find "%-%-%- %u" or text:find "@return"
        assert.truthy(described, ("%s: %s.%s"):format(definition.where, class, name))
      end
    end
  end)

  it("document every parameter, in order, and none that is not there", function()
    for _, definitions in pairs(classes) do
      for _, definition in pairs(definitions) do
        local documented <const> = {}
        for _, line in ipairs(definition.doc) do
          documented[#documented + 1] = line:match "^%-%-%-@param ([%w_.]+)%??%s"
        end
        assert.are.same(definition.parameters, documented, definition.where)
      end
    end
  end)

  it("name only classes that are defined", function()
    local known <const> = {}
    local text <const> = {}
    for _, path in ipairs(files()) do
      for line in io.lines(path) do
        local name <const> = line:match "^%-%-%-@class ([%w_.]+)" or line:match "^%-%-%-@alias ([%w_.]+)"
        if name then known[name] = true end
        text[#text + 1] = line:match "^%-%-%-@.*"
      end
    end
    for name in table.concat(text, "\n"):gmatch "%f[%w_.]lull[%w_.]*%.%u[%w_]*" do
      assert.is_true(known[name], name .. " is not defined")
    end
  end)

  it("are Lua that returns the module it is named after", function()
    for _, path in ipairs(files()) do
      local first <const> = assert(io.lines(path)())
      local is_named <const> = first:find "^%-%-%-@meta [%w_.]+$"
      assert.is_truthy(is_named, path .. ": the first line is no ---@meta with a name")
      assert(loadfile(path))()
    end
    for _, each in ipairs(modules) do
      local defined <const> = assert(loadfile(each.path))()
      assert.are.same(names_of(functions_of(each.module)), names_of(functions_of(defined)), each.path)
    end
  end)

  it("give the fields of objects that they have", function()
    assert.is_string(lull.version)
    assert.is_string(lull.current().name)
    local err <const> = lull.new_error("io", "no", { op = "x", code = "EIO", cause = 1, reason = 2 })
    for field in pairs { kind = 1, message = 1, op = 1, code = 1, cause = 1, reason = 1 } do
      assert.is_not_nil(err[field], field)
    end
    local server <close> = net.serve({ port = 0 }, print)
    assert.is_number(server.port)
  end)
end)
