--- The prompt when memory ends, and when it cannot go on.

local here <const> = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local support <const> = dofile(here .. "support_terminal.lua")
local process = require "lull.process"

--- Give the prompt lines through a pipe; what it prints, and its exit code.
local function piped(lines)
  local result <const> = process.run({ support.program, "--max-memory=20M", "repl" },
    { input = lines, stderr = "stdout", check = false })
  return result.stdout, result.code
end

local FILLS <const> = {
  ["a local"] = "local t = {} for i = 1, 1e7 do t[i] = { i } end",
  ["a global"] = "t = {} for i = 1, 1e7 do t[i] = { i } end",
  ["what nothing refers to"] = "local t = {} for i = 1, 1e7 do t = { t } end",
  ["a local in a protected call"] = "local t = {} "
    .. "error(select(2, pcall(function() for i = 1, 1e7 do t[i] = { i } end end)), 0)",
}

describe("a prompt without memory", function()
  for what, line in pairs(FILLS) do
    it("goes on at a terminal when it was filled by " .. what, function()
      support.session(function(p)
        p:shows "\n>"
        p:answers("local old = 7", "")
        p:type(line .. "\r")
        p:sees "\nnot enough memory\n>"
        p:answers("t = nil; local _ = collectgarbage()", "")
        p:answers("old, t", "7       nil")
        p:answers("#('x'):rep(5e6)", "5000000")
        p:type "\4"
        p:ends(0)
      end, nil, { support.program, "--max-memory=20M" })
    end)

    it("goes on without one when it was filled by " .. what, function()
      local shown <const>, code <const> =
        piped("local old = 7\n" .. line .. "\nt = nil; local _ = collectgarbage()\nold, t, #('x'):rep(5e6)\n")
      assert.equal("not enough memory\n7\tnil\t5000000\n", shown)
      assert.equal(0, code)
    end)
  end

  it("drops what the line has declared, and nothing else", function()
    local shown <const>, code <const> =
      piped("local t, u = 1, 2\nlocal t, new = {}, 3 for i = 1, 1e7 do t[i] = { i } end\nt, u, new\n")
    assert.equal("not enough memory\n1\t2\tnil\n", shown)
    assert.equal(0, code)
  end)
end)

describe("a prompt that cannot go on", function()
  it("says why, and the program ends with 1", function()
    local shown <const>, code <const> = piped "getmetatable(io.stdin).__index.read = nil\n1\n"
    assert.matches("method 'read'", shown)
    assert.equal(1, code)
  end)
end)
