--- The prompt of the program at a terminal: what is seen.

local here <const> = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local session = dofile(here .. "support_repl.lua").session

describe("the prompt at a terminal", function()
  it("greets, shows values, ends", function()
    session(function(p)
      p:sees "^lull %d+%.%d+%.%d+ %(Lua 5%.4%)[^\n]*\n>"
      p:answers("1 + 1, 'a', nil", '2       "a"     nil\n')
      p:answers("{ 1, x = { 'y' } }", '{ 1, x = { "y" } }\n')
      p:answers("nothing", "nil\n")
      p:answers("print(1)", "1\n")
      p:type "\4"
      p:ends(0)
    end)
  end)
end)
