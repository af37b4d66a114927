--- `lull --watch`: a script is run again when a file that it has loaded changes.

local fs = require "lull.fs"
local process = require "lull.process"
local here <const> = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local support <const> = dofile(here .. "support_program.lua")
local folder, line = support.folder, support.line

--- A script that prints what it loads, and stays.
local function stays(code)
  return code .. "\nio.stdout:write('got ', tostring(value), '\\n'):flush() require('lull').sleep(60)"
end

--- Change the value in a file that the script has loaded, and see it run with the new one.
local function sees_change(text, files, name)
  local place <close> = folder(files)
  place:write("s.lua", stays(text))
  local program <close> = place:start { "--watch", "s.lua" }
  line(program, "got 1")
  place:write(name, "return 2")
  line(program, name .. " has changed: once more")
  line(program, "got 2")
end

describe("lull --watch runs a script again when there is a change in", function()
  it("the script itself", function()
    local place <close> = folder { ["s.lua"] = stays "value = 1" }
    local program <close> = place:start { "--watch", "s.lua" }
    line(program, "got 1")
    place:write("s.lua", stays "value = 2")
    line(program, "got 2")
  end)

  it("a module", function()
    sees_change("value = require 'm'", { ["m.lua"] = "return 1" }, "m.lua")
  end)

  it("a file for dofile", function()
    sees_change("value = dofile 'f.lua'", { ["f.lua"] = "return 1" }, "f.lua")
  end)

  it("a file for loadfile", function()
    sees_change("value = loadfile 'f.lua'()", { ["f.lua"] = "return 1" }, "f.lua")
  end)

  it("what a symbolic link leads to", function()
    local place <close> = folder { ["real.lua"] = "return 1", ["s.lua"] = stays "value = dofile 'link.lua'" }
    fs.symlink("real.lua", place.path .. "/link.lua")
    local program <close> = place:start { "--watch", "s.lua" }
    line(program, "got 1")
    place:write("real.lua", "return 2")
    line(program, "got 2")
  end)

  it("a module that came after it was not found, in a folder that came, too", function()
    local place <close> = folder { ["s.lua"] = stays "value = require 'new.m'" }
    local program <close> = place:start { "--watch", "s.lua" }
    line(program, "waiting for a change")
    fs.mkdir(place.path .. "/new")
    place:write("new/m.lua", "return 5")
    line(program, "got 5")
  end)

  it("a module that came after the folder, which came after it was not found", function()
    local place <close> = folder { ["s.lua"] = stays "value = require 'new.m'" }
    local program <close> = place:start { "--watch", "s.lua" }
    line(program, "waiting for a change")
    for i = 1, 2 do -- all that the first run has told of is watched before there is the folder
      if i == 2 then fs.mkdir(place.path .. "/new") end
      place:write("s.lua", stays("value = require 'new.m' --" .. i))
      line(program, "s.lua has changed")
      line(program, "waiting for a change")
    end
    place:write("new/m.lua", "return 5")
    line(program, "got 5")
  end)

  it("an environment file", function()
    local place <close> = folder { ["v.env"] = "V=1", ["s.lua"] = stays "value = os.getenv 'V'" }
    local program <close> = place:start { "--watch", "--env-file=v.env", "s.lua" }
    line(program, "got 1")
    place:write("v.env", "V=2")
    line(program, "got 2")
  end)
end)

describe("lull --watch", function()
  it("says how the script ended and waits for a change", function()
    local place <close> = folder { ["s.lua"] = "error 'first'" }
    local program <close> = place:start { "--watch", "s.lua" }
    line(program, "first")
    line(program, "lull: ended with code 1; waiting for a change")
    place:write("s.lua", "os.exit(3)")
    line(program, "ended with code 3")
    place:write("s.lua", "x = = 1")
    line(program, "unexpected symbol")
    line(program, "ended with code 1")
    place:write("s.lua", "print 'well'")
    line(program, "well")
    line(program, "ended with code 0")
  end)

  it("goes on where a module would be behind a link that leads nowhere", function()
    local place <close> = folder { ["s.lua"] = stays "pcall(require, 'loop.m') value = 1" }
    fs.symlink("loop", place.path .. "/loop")
    local program <close> = place:start { "--watch", "s.lua" }
    line(program, "got 1")
    place:write("s.lua", stays "value = 2")
    line(program, "got 2")
  end)

  it("passes options and arguments on", function()
    local place <close> = folder { ["s.lua"] = "print(...) print(arg[0], x) print(pcall(io.open, '/etc/passwd'))" }
    local program <close> = place:start { "-e", "x = 1", "--watch", "--sandbox", "s.lua", "a", "--watch" }
    line(program, "a\t--watch")
    line(program, "s.lua\t1")
    line(program, "needs read=/etc/passwd")
  end)

  it("lets the old script clean up", function()
    local place <close> = folder { ["s.lua"] = [[
      local lull = require "lull"
      local _ <close> = lull.finally(function() print "cleanup" end)
      io.stdout:write("ready\n"):flush()
      lull.sleep(60)]] }
    local program <close> = place:start { "--watch", "s.lua" }
    line(program, "ready")
    place:write("s.lua", "print 'new'")
    line(program, "cleanup")
    line(program, "new")
  end)

  it("ends with the script on SIGTERM and SIGINT", function()
    for name, code in pairs { TERM = 143, INT = 130 } do
      local place <close> = folder { ["s.lua"] = [[
        local lull = require "lull"
        local _ <close> = lull.finally(function(e) lull.sleep(0.001) print("cleanup", e.kind) end)
        io.stdout:write("ready\n"):flush()
        lull.sleep(60)]] }
      local program <close> = place:start { "--watch", "s.lua" }
      line(program, "ready")
      program:kill(name)
      line(program, "cleanup\tcancelled")
      assert.equal(code, program:wait())
    end
  end)

  it("takes the script along when it is killed", function()
    local place <close> = folder { ["s.lua"] = [[
      local lull = require "lull"
      local _ <close> = lull.finally(function() print "cleanup" end)
      io.stdout:write("ready\n"):flush()
      lull.sleep(60)]] }
    local program <close> = place:start { "--watch", "s.lua" }
    line(program, "ready")
    program:kill "KILL"
    line(program, "cleanup")
  end)

  it("watches the tests of lull test, and what they load", function()
    local place <close> = folder {
      ["m.lua"] = "return 1",
      ["x_spec.lua"] = "local m = require 'm' describe('x', function() it('is', function() assert.equal(2, m) end) end)",
    }
    local program <close> = place:start { "--watch", "test", "x_spec.lua" }
    line(program, "0 passed, 1 failed")
    line(program, "ended with code 1; waiting for a change")
    place:write("m.lua", "return 2")
    line(program, "1 passed, 0 failed")
  end)

  it("ends on Ctrl-C at a terminal when the script has cleaned up", function()
    local place <close> = folder { ["s.lua"] = [[
      local lull = require "lull"
      local _ <close> = lull.finally(function() lull.sleep(0.05) print "cleanup" end)
      print "ready"
      lull.sleep(60)]] }
    local program <close> = process.open({ support.path, "--watch", "s.lua" }, { cwd = place.path, pty = true })
    line(program, "ready")
    program.stdin:write "\x03"
    line(program, "cleanup")
    assert.equal(130, program:wait())
  end)

  it("ends on SIGINT while it waits for a change", function()
    local place <close> = folder { ["s.lua"] = "" }
    local program <close> = place:start { "--watch", "s.lua" }
    line(program, "waiting for a change")
    program:kill "INT"
    assert.equal(130, program:wait())
  end)

  it("shows the script nothing of itself", function()
    local place <close> = folder { ["s.lua"] = [[
      print(os.getenv "LULL_WATCH", table.concat(arg, " "), arg[-1]:match "[^/]*$")
      print(debug.traceback "x")]] }
    local watched <close> = place:start { "--watch", "s.lua" }
    local plain <const> = place:run { "s.lua" }
    line(watched, plain:match "^[^\n]*")
  end)

  it("needs a script that it can run again, as --workers does", function()
    local place <close> = folder {}
    for arguments, complaint in pairs {
      [{ "--watch" }] = "lull: --watch needs a script\n",
      [{ "--watch", "-" }] = "lull: --watch cannot read the script from stdin\n",
      [{ "--watch", "-i", "s.lua" }] = "lull: --watch and the prompt exclude each other\n",
      [{ "--workers", "2" }] = "lull: --workers needs a script\n",
      [{ "--workers", "2", "-" }] = "lull: --workers cannot read the script from stdin\n",
      [{ "--workers", "2", "-i", "s.lua" }] = "lull: --workers and the prompt exclude each other\n",
      [{ "--sandbox", "repl" }] = "lull: --sandbox and --allow-... need a script: the prompt may do everything\n",
      [{ "--watch", "repl" }] = "lull: --watch and the prompt exclude each other\n",
    } do
      local output <const>, code <const> = place:run(arguments)
      assert.equal(complaint, output)
      assert.equal(1, code)
    end
  end)
end)
