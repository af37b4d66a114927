--- doc_spec.lua: lull.doc and `lull doc`.

local doc = require "lull.doc"
local fs = require "lull.fs"
local lull = require "lull"
local net = require "lull.net"
local process = require "lull.process"
local sync = require "lull.sync"

local PROGRAM <const> = os.getenv "LULL" or (os.getenv "LULL_BUILD" or "build") .. "/lull"

--- Run `lull doc` with these arguments.
local function run(...)
  local ended <const> = process.run({ PROGRAM, "doc", ... }, {
    env = { inherit = true, FORCE_COLOR = false, NO_COLOR = "1", PAGER = false }, timeout = 60,
  })
  return ended.code, ended.stdout, ended.stderr
end

local function name_of(what)
  local entry <const> = doc.find(what)
  return entry and entry.name
end

describe("doc.find", function()
  it("takes a whole name, or its last parts", function()
    assert.are.equal("lull.gather", name_of "lull.gather")
    assert.are.equal("lull.gather", name_of "gather")
    assert.are.equal("lull.gather", name_of "lull.gather()")
    assert.are.equal("lull.fs.read_file", name_of "fs.read_file")
    assert.are.equal("lull.net.Stream:read", name_of "net.Stream:read")
    assert.are.equal("lull.net.Stream:read", name_of "lull.net.Stream.read")
    assert.are.equal("lull.net", name_of "net")
    assert.are.equal("lull.Task", name_of "lull.Task")
  end)

  it("gives what the definitions say", function()
    local entry <const> = doc.find "lull.net.connect"
    assert.are.equal("function", entry.kind)
    assert.are.equal("lull.net", entry.module)
    assert.are.equal("lull.net.connect(host, port, opts?) -> lull.net.Stream", entry.signature)
    assert.is_true(entry.async)
    assert.truthy(entry.text:find "Connect by TCP")
    assert.are.same({ "host", "port", "opts" },
      { entry.params[1].name, entry.params[2].name, entry.params[3].name })
    assert.are.same({ false, false, true },
      { entry.params[1].optional, entry.params[2].optional, entry.params[3].optional })
    assert.is_false(doc.find("lull.now").async)
  end)

  it("takes functions of modules", function()
    assert.are.equal("lull.sleep", name_of(lull.sleep))
    assert.are.equal("lull.net.connect", name_of(net.connect))
    assert.are.equal("lull.sync.queue", name_of(sync.queue))
  end)

  it("takes methods of objects", function()
    local a <close>, b <const> = net.pair()
    local _ <close> = b
    local server <close> = net.serve({ port = 0 }, print)
    assert.are.equal("lull.net.Stream:read_exact", name_of(a.read_exact))
    assert.are.equal("lull.net.Stream:write", name_of(b.write))
    assert.are.equal("lull.net.Server:drain", name_of(server.drain))
    local web <close> = require("lull.http").serve({ port = 0 }, print)
    assert.are.equal("lull.http.Server:drain", name_of(web.drain))
    assert.are.equal("lull.net.Server:drain", name_of(server.drain))
    assert.are.equal("lull.Task:join", name_of(lull.current().join))
    assert.are.equal("lull.Future:set", name_of(lull.future().set))
    assert.are.equal("lull.sync.Queue:task_done", name_of(sync.queue().task_done))
  end)

  it("takes modules and objects", function()
    local a <close>, b <const> = net.pair()
    b:close()
    assert.are.equal("lull.net.Stream", name_of(a))
    assert.are.equal("lull.sync.Lock", name_of(sync.lock()))
    assert.are.equal("lull.net", name_of(net))
    assert.are.equal("lull", name_of(lull))
  end)

  it("knows where Lua's own functions are described", function()
    for name, value in pairs { ["string.rep"] = string.rep, print = print, pcall = pcall,
      ["coroutine.wrap"] = coroutine.wrap, ["table.sort"] = table.sort } do
      assert.are.equal(name, name_of(value))
      local entry <const> = doc.find(name)
      assert.are.equal("lua", entry.kind)
      assert.truthy(entry.text:find("#pdf-" .. name, 1, true))
    end
    assert.are.equal("string", name_of(string))
    assert.is_nil(name_of "string.nothing")
  end)

  it("gives nil for what is not there, or has several meanings", function()
    assert.is_nil(doc.find "lull.nothing")
    assert.is_nil(doc.find "")
    assert.is_nil(doc.find "Stream")
    assert.is_nil(doc.find(function() end))
    assert.is_nil(doc.find {})
    assert.is_nil(doc.find(setmetatable({}, { __index = error })))
    assert.is_nil(doc.find(nil))
  end)

  it("calls nothing of a script's", function()
    local trap <const> = setmetatable({}, { __index = error, __pairs = error, __len = error, __eq = error })
    lull.trap = trap
    local entry <const> = doc.find(error and function() return trap end)
    lull.trap = nil
    assert.is_nil(entry)
  end)
end)

describe("doc.matches and doc.suggest", function()
  it("give all that has a name", function()
    local names <const> = {}
    for i, entry in ipairs(doc.matches "Stream") do names[i] = entry.name end
    assert.are.same({ "lull.net.Stream", "lull.term.Stream", "lull.compress.Stream" }, names)
    assert.are.same({}, doc.matches "nothing_at_all")
  end)

  it("give names that are near", function()
    assert.are.equal("lull.gather", doc.suggest("gahter")[1])
    assert.are.equal("lull.fs.read_file", doc.suggest("lull.fs.raed_file")[1])
    assert.are.same({}, doc.suggest "quite_another_thing")
    assert.are.same({}, doc.suggest(("x"):rep(100000)))
  end)

  it("refuse what is no name", function()
    assert.error_matches(function() doc.matches(1) end, "bad argument #1 to 'matches'")
    assert.error_matches(function() doc.suggest() end, "bad argument #1 to 'suggest'")
  end)
end)

describe("doc.render", function()
  it("shows a function with its parameters, options and results", function()
    local text <const> = doc.render(doc.find "lull.net.connect", { width = 78, color = false })
    for _, part in ipairs { "lull.net.connect(host, port, opts?)\n", "Connect by TCP", "Suspends",
      "\n  host   string  ", "lull.net.ConnectOptions\n", "\n  timeout?  ", "-> lull.net.Stream" } do
      assert.truthy(text:find(part, 1, true), part)
    end
  end)

  it("shows what an alias stands for", function()
    local function text_of(name) return doc.render(doc.find(name), { width = 78, color = false }) end
    assert.are.equal([[
lull.process.Stdio

  Where a standard stream of a program leads.

  "inherit"  where ours does
  "null"     nowhere
  "pipe"     to us
  { file: string, append?: boolean }
  lull.net.Stream
]], text_of "lull.process.Stdio")
    assert.are.equal('lull.log.Level\n\n  "trace"\n  "debug"\n  "info"\n  "warn"\n  "error"\n  "off"\n',
      text_of "lull.log.Level")
    local middleware <const> = text_of "lull.http.Middleware"
    assert.truthy(middleware:find("\n  Stands around handlers", 1, true))
    assert.truthy(middleware:find("\n  lull.http.Handler  async fun(req: table): any\n", 1, true))
  end)

  it("says what the aliases are that a page mentions", function()
    local function contains(name, part)
      local text <const> = doc.render(doc.find(name), { width = 78, color = false })
      assert.truthy(text:find(part, 1, true), text)
    end
    contains("lull.process.open", '\n  lull.process.Stdio\n  "inherit"  where ours does\n')
    contains("lull.net.Stream:read", '\n  lull.net.Format\n  "l"      a line without its end\n')
    contains("lull.is_error", '\n  lull.Kind  "cancelled" | "timeout" | ')
    contains("lull.Task:status", '\n  lull.Status  "pending" | "done" | "failed" | "cancelled"\n\n  ->')
  end)

  it("shows every entry within the width", function()
    local term <const> = require "lull.term"
    for _, width in ipairs { 50, 100 } do
      for _, class in pairs(doc.types().classes) do
        local texts <const> = { doc.render(class, { width = width, color = false }) }
        for _, fn in ipairs(class.functions) do
          texts[#texts + 1] = doc.render(fn, { width = width, color = false })
        end
        for line in table.concat(texts):gmatch "[^\n]+" do
          assert.truthy(term.text_width(line) <= width or line:find "^      ", line)
          assert.is_nil(line:find "%s$", line)
        end
      end
      for _, alias in pairs(doc.types().aliases) do
        for line in doc.render(alias, { width = width, color = false }):gmatch "[^\n]+" do
          assert.truthy(term.text_width(line) <= width, line)
          assert.is_nil(line:find "%s$", line)
        end
      end
    end
  end)

  it("uses styles when it is asked to", function()
    assert.truthy(doc.render(doc.find "lull.sleep", { color = true }):find "\27%[1m")
    assert.is_nil(doc.render(doc.find "lull.sleep", { color = false }):find "\27")
  end)

  it("refuses options that are not there", function()
    assert.error_matches(function() doc.render(doc.find "lull.sleep", { colour = true }) end,
      "unknown option 'colour'")
  end)
end)

describe("lull doc", function()
  it("lists the modules", function()
    local code <const>, output <const> = run()
    assert.are.equal(0, code)
    for _, module in ipairs(doc.modules()) do
      assert.truthy(("\n" .. output):find("\n" .. module.name .. " +%u"), module.name)
    end
    assert.is_nil(output:find "The module `", "a definition file's first line does not say what it is for")
  end)

  it("is short about each module", function()
    for _, module in ipairs(doc.modules()) do
      local about <const> = module.text:match "^(.-)%.%f[%s\0]"
      assert.is_true(about ~= nil and #about <= 100 and not about:find "\n", module.name)
    end
  end)

  it("shows a module, and a function", function()
    local code <const>, output <const> = run("lull.fs", "gather")
    assert.are.equal(0, code)
    assert.truthy(output:find("read_file(path, opts?)", 1, true))
    assert.truthy(output:find("lull.fs.File", 1, true))
    assert.truthy(output:find("lull.gather(...)", 1, true))
  end)

  it("lists what has the same name", function()
    local code <const>, output <const> = run "Stream"
    assert.are.equal(0, code)
    assert.are.equal("lull.net.Stream\nlull.term.Stream\nlull.compress.Stream\n", output)
  end)

  it("ends with 1 for what is not there", function()
    local code <const>, output <const>, complaint <const> = run "gahter"
    assert.are.same({ 1, "" }, { code, output })
    assert.truthy(complaint:find "'gahter'; did you mean lull.gather")
    assert.are.equal(1, (run "--wrong"))
    assert.are.equal(0, (run "--help"))
  end)

  it("suggests first what is in the module that was named", function()
    local _, _, complaint <const> = run "lull.fs.raed"
    assert.truthy(complaint:find("did you mean lull.fs.File:read, ", 1, true))
  end)

  it("shows long texts by $PAGER on a terminal, short ones itself", function()
    local folder <close> = fs.temp_dir()
    local taken <const> = folder.path .. "/taken"
    for name, paged in pairs { ["lull.fs"] = true, ["lull.now"] = false } do
      local child <close> = process.open({ PROGRAM, "doc", name }, {
        pty = true, env = { inherit = true, TERM = "xterm", PAGER = "cat >" .. taken },
      })
      local shown <const> = child.stdout:read "a"
      assert.are.equal(0, (child:wait()))
      assert.are.equal(paged, fs.exists(taken))
      assert.are.equal(not paged, shown:find(name, 1, true) ~= nil)
      if paged then
        assert.truthy(fs.read_file(taken):find("read_file", 1, true))
        fs.remove(taken)
      end
    end
  end)

  it("shows all where there is no such pager", function()
    local child <close> = process.open({ PROGRAM, "doc", "lull.fs" }, {
      pty = true, env = { inherit = true, TERM = "xterm", PAGER = "/nowhere/at/all 2>/dev/null" },
    })
    assert.truthy(child.stdout:read("a"):find("temp_dir", 1, true))
    assert.are.equal(0, (child:wait()))
  end)
end)
