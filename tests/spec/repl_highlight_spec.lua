--- The colours of what is typed.
local highlight = require "lull.repl.highlight"

--- The styled parts of a text, as "style:part".
local function styles(text)
  local list <const> = {}
  local at = 0
  for _, span in ipairs(highlight.spans(text)) do
    assert.is_true(span[1] > at and span[2] >= span[1] and span[2] <= #text, text)
    at = span[2]
    list[#list + 1] = span[3] .. ":" .. text:sub(span[1], span[2])
  end
  return list
end

describe("syntax colours", function()
  it("tell words, calls, constants, strings, numbers and comments apart", function()
    assert.same({ "blue:local", "yellow:0x1F", "blue:return", "cyan:f", "green:'a\\'b'", "magenta:nil", "dim:-- end" },
      styles "local x = 0x1F return f('a\\'b', nil) -- end")
    assert.same({ "cyan:require", 'green:"lull.fs"' }, styles 'require "lull.fs"')
    assert.same({ "green:[==[ ] ]]\n]==]", "dim:--[[ a\n]]", "yellow:1e-5", "yellow:.5" },
      styles "[==[ ] ]]\n]==] --[[ a\n]] 1e-5 .5")
  end)

  it("go to the end of what is not finished", function()
    assert.same({ "green:'abc" }, styles "'abc")
    assert.same({ "green:[[abc\nd" }, styles "[[abc\nd")
    assert.same({ "dim:--[[abc\nd" }, styles "--[[abc\nd")
    assert.same({ "red:'abc" }, styles "'abc\nx")
    assert.same({ "yellow:1e", "red:3x" }, styles "1e 3x")
  end)

  it("mark commands of the prompt", function()
    assert.same({ "bold:.type", "cyan:f" }, styles ".type f(x)")
  end)

  it("take any text", function()
    math.randomseed(7)
    local letters <const> = "[]=-'\"\\\nz 0x.e+ab\255("
    for _ = 1, 3000 do
      local parts <const> = {}
      for i = 1, math.random(12) do
        local at <const> = math.random(#letters)
        parts[i] = letters:sub(at, at)
      end
      styles(table.concat(parts))
    end
  end)
end)
