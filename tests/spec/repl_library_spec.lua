--- The prompt as a library: sessions at terminals of the host's, with globals of the host's.

local here <const> = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local lull = require "lull"
local new_screen = dofile(here .. "support_screen.lua")
local repl = require "lull.repl"
local sync = require "lull.sync"
local testing = require "lull.testing"

local Terminal <const> = {}
Terminal.__index = Terminal

function Terminal:read_some()
  return self.input:get() or nil
end

function Terminal:write(text)
  self.screen:feed(text)
end

function Terminal:size() return self.screen.columns, self.screen.rows end
function Terminal.wait_resize() return nil end

--- Type, and wait until nothing more happens.
function Terminal:type(bytes)
  self.input:put(bytes)
  testing.settle()
end

function Terminal:text() return self.screen:text() end

local function terminal(fields)
  local t <const> = fields or {}
  t.screen, t.input = new_screen(60, 20), sync.queue()
  return setmetatable(t, Terminal)
end

--- Start a session as a task.
local function start(opts)
  local task <const> = lull.async(repl.start)(opts)
  testing.settle()
  return task
end

describe("a session of a host's", function()
  it("has its terminal, prompt and globals", function()
    testing.virtual_time(function()
      local t <const>, globals <const> = terminal(), { answer = 42, print = print }
      local task <const> = start { terminal = t, globals = globals, greeting = "welcome", prompt = "host> ",
        prompt2 = function() return "more> " end }
      t:type "answer, string\r"
      t:type "x = {\r"
      t:type "1}\r"
      t:type "print('to', 'it')\r"
      assert.equal("welcome\nhost> answer, string\n42      nil\nhost> x = {\nmore>   1}\n"
        .. "host> print('to', 'it')\nto      it\nhost>", t:text())
      t:type "\4"
      assert.equal("done", task:status())
      assert.same({ 1 }, globals.x)
      assert.equal(print, globals.print)
      assert.is_nil(rawget(globals, "_"))
    end)
  end)

  it("runs beside others", function()
    testing.virtual_time(function()
      local a <const>, b <const> = terminal(), terminal { dumb = true }
      local first <const>, second <const> = start { terminal = a }, start { terminal = b }
      a:type "local n = 1 print 'a'\r"
      b:type "local n = 2 print 'b'\n"
      a:type "n\r"
      b:type "{ n }\n"
      assert.equal("> local n = 1 print 'a'\na\n> n\n1\n>", a:text())
      assert.equal("> b\n> { 2 }\n>", (b:text():gsub("\n +", "\n")))
      a:type "\4"
      b:type(false)
      assert.same({ "done", "done" }, { first:status(), second:status() })
    end)
  end)

  it("shows what its lines print later above what is typed", function()
    testing.virtual_time(function()
      local t <const> = terminal()
      local task <const> = start { terminal = t }
      t:type "local _ = lull.after(10, function() print 'later' end)\r"
      t:type "half"
      lull.sleep(11)
      testing.settle()
      assert.equal("> local _ = lull.after(10, function() print 'later' end)\nlater\n> half", t:text())
      task:cancel()
      task:join()
    end)
  end)

  it("ends when its task is cancelled, with all that its lines have started", function()
    testing.virtual_time(function()
      local t <const>, cleaned <const> = terminal(), {}
      local task <const> = start { terminal = t, globals = { lull = lull, cleaned = cleaned } }
      t:type "function f() local _ <close> = lull.finally(function() cleaned[1] = true end) lull.sleep(9) end\r"
      t:type "t = lull.spawn(f)\r"
      t:type "lull.sleep_forever()\r"
      task:cancel()
      task:join()
      assert.equal("cancelled", task:status())
      assert.is_true(cleaned[1])
    end)
  end)

  it("calls the host first", function()
    testing.virtual_time(function()
      local t <const> = terminal()
      local task <const> = start { terminal = t, on_start = function() t:write "first\r\n" end }
      assert.equal("first\n>", t:text())
      task:cancel()
      task:join()
    end)
  end)

  it("refuses options that are none", function()
    assert.error_matches(function() repl.start { promt = "x" } end, "unknown option 'promt'")
    assert.error_matches(function() repl.start { globals = 1 } end, "globals must be a table")
    assert.error_matches(function() repl.start(1) end, "table expected, got number")
  end)
end)
