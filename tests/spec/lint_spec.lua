--- lint_spec.lua: `lull check`: what it finds, and above all what it does not.

local fs = require "lull.fs"
local json = require "lull.json"
local process = require "lull.process"

local PROGRAM <const> = os.getenv "LULL" or (os.getenv "LULL_BUILD" or "build") .. "/lull"
local WHOLE <const> = PROGRAM:sub(1, 1) == "/" and PROGRAM or os.getenv "PWD" .. "/" .. PROGRAM

--- Run `lull check` with these arguments.
local function run(arguments, input, opts)
  local env <const> = { inherit = true, FORCE_COLOR = false, NO_COLOR = "1" }
  for name, value in pairs(opts and opts.env or {}) do env[name] = value end
  local ended <const> = process.run({ WHOLE, "check", table.unpack(arguments) },
    { env = env, timeout = 120, input = input, cwd = opts and opts.cwd })
  return ended.code, ended.stdout, ended.stderr
end

--- "line:code" of all that is found in a text.
local function found(text, ...)
  local _, output <const>, complaint <const> = run({ "--no-config", "--format=json", "-", ... }, text)
  assert.are.equal("", complaint)
  local list <const> = {}
  for i, each in ipairs(json.decode(output)) do list[i] = each.line .. ":" .. each.code end
  return list
end

--- What is said about a text with one mistake.
local function message(text, ...)
  local _, output <const> = run({ "--no-config", "--quiet", "-", ... }, text)
  return output
end

local function write(path, text)
  fs.write_file(path, text)
end

describe("lull check finds", function()
  it("what is no Lua", function()
    assert.are.same({ "2:011" }, found "local x = 1\nreturn = x\n")
    assert.are.same({ "2:011" }, found "local x <const> = 1\nx = 2\nreturn x\n")
    assert.are.same({ "1:011" }, found("x = " .. ("("):rep(100000)))
    assert.truthy(message "x = = 1":find "^stdin:1:5: .*%(011%)\n$")
  end)

  it("unused variables and undefined globals", function()
    assert.are.same({ "1:211", "2:113" }, found "local x = 1\nprint(y)\n")
    assert.are.same({ "1:113" }, found "return unpack {}")
  end)

  it("calls of functions that do not exist", function()
    assert.are.same({ "2:901" }, found 'local net = require "lull.net"\nreturn net.conect("x", 1)\n')
    assert.are.same({ "2:901" }, found 'local lull = require("lull")\nlull.slep(1)\n')
    assert.are.same({ "2:901" }, found 'local lull = require("lull")\nreturn lull.sync.quue()\n')
    assert.are.same({ "1:901" }, found 'return require("lull.http").gett "x"\n')
    assert.are.same({ "2:901" }, found 'local get <const> = require("lull.http").gett\nreturn get "x"\n')
    assert.are.equal("stdin:1:29: lull.fs has no function 'raed_file'; did you mean 'read_file'? (901)\n",
      message 'return require("lull.fs").  raed_file "x"')
  end)

  it("calls of methods that do not exist", function()
    assert.are.same({ "3:901" }, found [[
local net = require "lull.net"
local s <close> = net.connect("x", 1)
s:raed()
]])
    assert.are.same({ "2:901", "3:901" }, found [[
local lull = require "lull"
lull.spawn(print):wait()
lull.current():quit()
]])
    assert.are.same({ "2:901" }, found [[
local read, write = require("lull.net").pipe()
return read:read(), write:wriet()
]])
  end)

  it("wrong numbers of arguments", function()
    assert.are.same({ "2:902", "3:903", "4:902" }, found [[
local fs = require "lull.fs"
fs.rename "x"
fs.read_file("x", {}, 1)
fs.stat()
]])
    assert.are.equal("stdin:1:1: lull.fs.readlink needs 1 argument, not 0 (902)\n",
      message 'require("lull.fs").readlink()')
    assert.are.equal("stdin:1:1: lull.fs.read_file takes at most 2 arguments, not 3 (903)\n",
      message 'require("lull.fs").read_file(1, 2, 3)')
  end)

  it("options that do not exist, also inside of options", function()
    assert.are.same({ "2:904", "3:904" }, found [[
local net = require "lull.net"
net.connect("x", 1, { tiemout = 1 })
net.connect("x", 1, { tls = { verfy = false } })
]])
    assert.truthy(message('require("lull.fs").mkdir("x", { parent = true })'):find(
      "lull.fs.MkdirOptions has no option 'parent'; did you mean 'parents'? (904)", 1, true))
  end)

  it("a colon in place of a dot, and a dot in place of a colon", function()
    assert.are.same({ "2:905", "4:905" }, found [[
local net = require "lull.net"
net:connect("x", 1)
local s = net.connect("x", 1)
s.read()
]])
  end)

  it("what holds up all tasks, when it is asked to", function()
    local text <const> = 'os.execute "x"\nreturn io.popen "y"\n'
    assert.are.same({}, found(text))
    assert.are.same({ "1:911", "2:911" }, found(text, "--strict"))
  end)
end)

describe("lull check says nothing of", function()
  local quiet <const> = {
    ["variables that are set again"] = [[
      local net = require "lull.net"
      if _VERSION == "x" then net = { conect = print } end
      net.conect()
      local s = require("lull.net").connect("x", 1)
      s = s.other
      s:raed() ]],
    ["variables with the name of a module"] = [[
      local function f(net) net.conect() end
      do local require = f; local net = require "lull.net"; net.conect() end
      return f ]],
    ["modules that are extended"] = [[
      local net = require "lull.net"
      function net.conect() end
      net.conect() ]],
    ["modules that others may extend"] = [[
      local net = require "lull.net"
      require "extensions"(net)
      net.conect() ]],
    ["modules that were stubbed"] = [[
      local lull = require "lull"
      lull.http.get = function() end
      lull.http.get() ]],
    ["objects with fields of their own"] = [[
      local s = require("lull.net").connect("x", 1)
      function s.greet() end
      s.greet() ]],
    ["functions that are looked for first"] = [[
      local lull = require "lull"
      if lull.brand_new then lull.brand_new() end
      local other = lull.quite_new
      if other then other() end ]],
    ["numbers of arguments that are not known"] = [[
      local fs = require "lull.fs"
      fs.rename(...)
      fs.rename("x", ...)
      fs.rename(print())
      fs.read_file("x", nil, ...) ]],
    ["any number of them where it is right"] = [[
      local lull = require "lull"
      lull.gather()
      lull.gather({}, { limit = 1 })
      lull.sleep(1, 2, 3, 4)
      lull.future():set(1, 2, 3)
      lull.sync.queue():put(nil) ]],
    ["options that are right, and tables that are none"] = [[
      local lull = require "lull"
      lull.net.connect("x", 1, { timeout = 1, tls = { verify = false, ca = "x" } })
      lull.select { { {}, "recv" }, timeout = 1, n = 1 }
      lull.net.serve({ port = 1, max_connections = 2, [1] = 3, [lull] = 4 }, print)
      lull.process.run({ "x" }, { stdin = { file = "x", append = true }, env = { A = "b" } })
      lull.log.info("x", { any = 1 }) ]],
    ["functions of modules that are called themselves"] = [[
      return require "lull.http.compress"(), require "lull.nothing".here() ]],
    ["what is given to pcall"] = [[
      return pcall(require("lull.net").connect) ]],
  }

  for what, text in pairs(quiet) do
    it(what, function() assert.are.same({}, found(text, "--strict")) end)
  end
end)

describe("lull check", function()
  it("finds nothing in the examples", function()
    local _, output <const> = run { "--quiet", "examples" }
    assert.are.equal("", output)
  end)

  it("looks at all scripts below a folder, but hidden ones, each once", function()
    local folder <close> = fs.temp_dir()
    fs.mkdir(folder.path .. "/sub/.hidden", { parents = true })
    for _, name in ipairs { "b.lua", "a.lua", "sub/c.lua", ".d.lua", "sub/.hidden/e.lua", "f.txt", ".lua" } do
      write(folder.path .. "/" .. name, "local x\n")
    end
    fs.symlink("..", folder.path .. "/sub/loop")
    local code <const>, output <const> = run({ "--quiet", ".", "a.lua" }, nil, { cwd = folder.path })
    local names <const> = {}
    for name in output:gmatch "([^\n:]+):1:7: unused variable 'x' %(211%)\n" do names[#names + 1] = name end
    assert.are.same({ "a.lua", "b.lua", "sub/c.lua" }, names)
    assert.are.equal(1, code)
  end)

  it("looks at many files on several threads, and tells of them in order", function()
    local folder <close> = fs.temp_dir()
    local expected <const> = {}
    for i = 1, 40 do
      write(("%s/%02d.lua"):format(folder.path, i), ("\n"):rep(i) .. "local x\n")
      expected[i] = ("%02d.lua:%d"):format(i, i + 1)
    end
    local _, output <const> = run({ "--quiet" }, nil, { cwd = folder.path })
    local lines <const> = {}
    for line in output:gmatch "[^\n]+" do lines[#lines + 1] = line:match "^[^:]+:%d+" end
    assert.are.same(expected, lines)
  end)

  it("reads .luacheckrc and comments, for its own codes, too", function()
    local folder <close> = fs.temp_dir()
    write(folder.path .. "/.luacheckrc", 'std = "lua54+busted"\nglobals = { "here" }\nexclude_files = { "no.lua" }')
    write(folder.path .. "/no.lua", "x = = 1")
    write(folder.path .. "/yes.lua", [[
here = describe
require("lull").slep() -- luacheck: ignore 901
-- luacheck: push ignore 9
require("lull").slep()
-- luacheck: pop
]])
    local code <const>, output <const> = run({}, nil, { cwd = folder.path })
    assert.are.same({ 0, "0 errors, 0 warnings in 1 file\n" }, { code, output })
    assert.are.equal(1, (run({ "--no-config" }, nil, { cwd = folder.path })))
    write(folder.path .. "/wrong", "std = 5")
    local refused <const>, _, why <const> = run({ "--config=wrong" }, nil, { cwd = folder.path })
    assert.are.equal(2, refused)
    assert.truthy(why:find "^lull check: .*std")
  end)

  it("knows busted's names in specs", function()
    local folder <close> = fs.temp_dir()
    write(folder.path .. "/a_spec.lua", "describe('x', function() it('y', function() end) end)")
    assert.are.equal(0, (run({ folder.path })))
    write(folder.path .. "/a.lua", "describe('x', function() it('y', function() end) end)")
    assert.are.equal(1, (run({ folder.path })))
  end)

  it("takes a first line for the system, a byte order mark, and an empty file", function()
    assert.are.same({}, found "#!/usr/bin/env lull\nprint(1)\n")
    assert.are.same({}, found "\239\187\191print(1)\n")
    assert.are.same({}, found "")
    assert.are.same({ "1:011" }, found "\27LuaR")
  end)

  it("writes JSON", function()
    local code <const>, output <const> = run({ "--format", "json", "--filename=dir/x.lua", "-" }, "local a\n")
    assert.are.equal(1, code)
    assert.are.same({ {
      file = "dir/x.lua", line = 1, column = 7, end_column = 7, code = "211", severity = "warning",
      message = "unused variable 'a'",
    } }, json.decode(output))
    assert.are.equal("[]\n", select(2, run({ "--format=json", "-" }, "")))
  end)

  it("ends with 2 when it cannot look", function()
    local code <const>, output <const>, complaint <const> = run { "/nowhere/at/all.lua" }
    assert.are.equal(2, code)
    assert.are.equal("0 errors, 0 warnings in 0 files\n", output)
    assert.truthy(complaint:find "/nowhere/at/all.lua")
    for _, wrong in ipairs { "--wrong", "--format=x", "--config" } do
      assert.are.equal(2, (run { wrong }))
    end
    assert.are.equal(2, (run { "-", "x" }))
  end)

  it("looks at the syntax where luacheck is not installed", function()
    local code <const>, output <const>, complaint <const> =
      run({ "-" }, "local x\nlocal = 1\n", { env = { LUA_PATH = "/nowhere/?.lua", LUA_PATH_5_4 = false } })
    assert.are.equal(1, code)
    assert.truthy(output:find "^stdin:2:1: .*%(011%)\n1 error, 0 warnings in 1 file\n$")
    assert.truthy(complaint:find "luacheck is not installed")
  end)
end)
