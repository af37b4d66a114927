--- Prompts over a Unix socket: `lull repl --connect`, and what clients may send.

local here <const> = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local fs = require "lull.fs"
local lull = require "lull"
local net = require "lull.net"
local process = require "lull.process"
local repl = require "lull.repl"
local support <const> = dofile(here .. "support_terminal.lua")

local folder

before_each(function() folder = fs.temp_dir() end)
after_each(function() fs.remove(folder.path, { recursive = true }) end)

local function path() return folder.path .. "/prompt" end

--- Globals to play with, which have what a program has.
local function globals_with(values)
  return setmetatable(values, { __index = _G })
end

--- Run a test with a prompt that listens.
local function listening(globals, fn, opts)
  local all <const> = { globals = globals }
  for name, value in pairs(opts or {}) do all[name] = value end
  local server <close> = repl.listen(path(), all)
  fn(server)
end

--- Run a test with a terminal that is connected.
local function connected(fn)
  support.session(fn, nil, { support.program, "repl", "--connect=" .. path() })
end

--- What is printed when lines are piped in.
local function piped(lines)
  return process.run({ support.program, "repl", "--connect", path() }, { input = lines, timeout = 50 })
end

local function frame(kind, content)
  return kind .. string.pack(">s2", content)
end

local HELLO <const> = frame("h", "\1\0\0\80\0\24")

--- A client of our own.
local function client(fn)
  local stream <close> = net.connect_unix(path())
  stream:write(HELLO)
  stream:read_until "> "
  fn(stream)
end

describe("a prompt over a socket", function()
  it("works in the globals of the program, with locals and a print of its own", function()
    local globals <const> = globals_with { answer = 42 }
    listening(globals, function()
      assert.equal("43\na\tb\n", piped("answer + 1\nlocal x = 1\nprint('a', 'b')\nleft = 'here'\n").stdout)
      assert.equal("here", globals.left)
      assert.equal("nil\n", piped("x\n").stdout)
    end)
  end)

  it("has the line editor, completion and colours at the terminal of the client", function()
    listening(globals_with { answer = 42 }, function()
      connected(function(p)
        p:shows "welcome\n>"
        p:answers("{ answer }", "{ 42 }")
        p:type "answ\t + 1\r"
        p:shows "> answer + 1\n43\n>"
        p:type "for i = 1, 2 do\rprint(i)\rend\r"
        p:shows "end\n1\n2\n>"
        p:type "\4"
        p:ends(0)
      end)
    end, { greeting = "welcome" })
  end)

  it("follows the size of the client's terminal", function()
    listening(globals_with {}, function()
      connected(function(p)
        p:shows ">"
        p:type(("x"):rep(50))
        p:shows(("x"):rep(50))
        p:resize(30, 16)
        p:shows("> " .. ("x"):rep(28) .. "\n" .. ("x"):rep(22))
      end)
    end)
  end)

  it("cancels the line that runs at Ctrl-C, and clears the one that is typed", function()
    listening(globals_with { lull = lull }, function()
      connected(function(p)
        p:shows ">"
        p:type "print 'on' lull.sleep(1000)\r"
        p:sees "\non"
        p:type "\3"
        p:shows "on\n^C\ninterrupted\n>"
        p:type "half\3"
        p:sees "> half^C"
        p:answers("1", "1")
      end)
    end)
  end)

  it("tells the client when the program is gone", function()
    listening(globals_with {}, function(server)
      connected(function(p)
        p:shows ">"
        server:close(0)
        p:shows((">\n\nlull repl: io: repl.connect: the prompt at %s is gone"):format(path()))
        p:ends(1)
      end)
    end)
  end)

  it("tells the client so, too, when the other side was gone before the first word", function()
    local script <const> = path() .. ".lua"
    fs.write_file(script, [[
local net = require "lull.net"
function net.connect_unix()
  local ours, theirs = net.pair()
  theirs:close()
  return ours
end
require "lull.repl.client" "/the/prompt"]])
    local result <const> = process.run({ support.program, script }, { timeout = 20 })
    assert.equal("io: repl.connect: the prompt at /the/prompt let nobody in",
      result.stderr:match "^lull: ([^\n]*)")
  end)

  it("tells the client when nobody is let in", function()
    local _ <close> = net.serve({ path = path() }, function(stream) stream:read_some() end)
    connected(function(p)
      p:shows(("lull repl: io: repl.connect: the prompt at %s let nobody in"):format(path()))
      p:ends(1)
    end)
  end)

  it("shows every byte that is printed, also zeros", function()
    listening(globals_with {}, function()
      local result <const> = piped "print 'a\\0' print '\\0'\n"
      assert.equal("a\0\n\0\n", result.stdout)
      assert.equal(0, result.code)
    end)
  end)

  it("says so when --connect has no path", function()
    for _, option in ipairs { "--connect", "--connect=" } do
      local result <const> = process.run { support.program, "repl", option }
      assert.are.equal(1, result.code)
      assert.truthy(result.stderr:find(option .. " needs a path\n", 1, true))
    end
    local empty <const> = process.run { support.program, "repl", "--connect", "" }
    assert.equal("lull repl: --connect needs a path\n", empty.stderr:match "^[^\n]*\n")
  end)

  it("goes on in the background, and prints above what is typed", function()
    local gate <const> = require("lull.sync").event()
    listening(globals_with { lull = lull, gate = gate }, function()
      connected(function(p)
        p:shows ">"
        p:type "local t = lull.spawn(function() gate:wait() print 'from behind' end)\r"
        p:sees "end%)\n>"
        p:type "half a li"
        p:shows "> half a li"
        gate:set()
        p:shows "from behind\n> half a li"
      end)
    end)
  end)

  it("serves several at once, each with its own locals", function()
    listening(globals_with {}, function()
      connected(function(one)
        one:shows ">"
        connected(function(other)
          other:shows ">"
          one:answers("local x = 'one'; return x", '"one"')
          other:answers("x", "nil")
          one:answers("x", '"one"')
        end)
      end)
    end)
  end)

  it("ends what a client has started when that goes away", function()
    local ended <const> = lull.future()
    local globals <const> = globals_with { lull = lull, tell = function() ended:set(true) end }
    listening(globals, function()
      client(function(stream)
        stream:write(frame("d", "local _ <close> = lull.finally(tell) print 'on' lull.sleep(1000)\r"))
        stream:read_until "on\r\n"
      end)
      assert.is_true(ended:await())
    end)
  end)

  it("ends a line that prints without end when the client goes away", function()
    local globals <const> = globals_with { lull = lull }
    listening(globals, function()
      client(function(stream)
        stream:write(frame("d", "while true do print 'x' end\r"))
        for _ = 1, 10 do stream:read_some() end
      end)
      assert.equal("1\n", piped("1\n").stdout)
    end)
  end)

  it("is not held up by a client that does not read", function()
    local globals <const> = globals_with { lull = lull }
    listening(globals, function()
      client(function(stream)
        stream:write(frame("d", "while true do print(('x'):rep(10000)) end\r"))
        assert.equal("1\n", piped("1\n").stdout)
      end)
    end)
  end)

  it("takes a file that is longer than what may be typed ahead", function()
    local lines <const> = {}
    for i = 1, 1500 do lines[i] = "n = " .. i .. (" "):rep(50) end
    local globals <const> = globals_with {}
    listening(globals, function()
      assert.equal(0, piped(table.concat(lines, "\n") .. "\n").code)
      assert.equal(1500, globals.n)
    end)
  end)

  it("refuses who says something else first, and outlives any bytes", function()
    listening(globals_with {}, function()
      for _, first in ipairs { "GET / HTTP/1.0\r\n\r\n", frame("h", ""), frame("h", "\9\0\0\1\0\1"), "" } do
        local stream <close> = net.connect_unix(path())
        stream:write(first)
        stream:shutdown()
        assert.is_nil(stream:read_some())
      end
      math.randomseed(3)
      for _ = 1, 30 do
        local stream <close> = net.connect_unix(path())
        local parts <const> = { HELLO }
        for i = 2, 20 do
          local kind <const>, size <const> = math.random(1, 4), math.random(0, 8)
          local bytes <const> = {}
          for k = 1, size do bytes[k] = string.char(math.random(0, 255)) end
          parts[i] = frame(("dsce"):sub(kind, kind), table.concat(bytes))
        end
        pcall(stream.write, stream, table.concat(parts), "x")
        pcall(stream.shutdown, stream)
        pcall(stream.read, stream, "a")
      end
      assert.equal("1\n", piped("1\n").stdout)
    end)
  end)

  it("is for its owner alone, and ends with its scope", function()
    listening(globals_with {}, function()
      assert.equal(384, fs.stat(path()).mode & 511)
    end)
    local result <const> = piped("1\n")
    assert.equal(1, result.code)
    assert.is_truthy(result.stderr:find("^lull repl: io: .*prompt"))
  end)

  it("needs every permission", function()
    local result <const> = process.run({ support.program, "--allow-listen=*", "--allow-write=/tmp", "-e",
      "print(pcall(function() require('lull.repl').listen '/tmp/x' end))" }, { timeout = 50 })
    assert.is_truthy(result.stdout:find("permission", 1, true))
  end)
end)
