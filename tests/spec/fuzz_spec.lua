--- The inputs that fuzzing starts from, each given once to its target: tests/fuzz/NAME.lua is a
--- function that takes an input and raises only what is a finding.

local function files(pattern)
  local pipe <const> = assert(io.popen("ls -d " .. pattern .. " 2>/dev/null"))
  local found <const> = {}
  for path in pipe:lines() do found[#found + 1] = path end
  pipe:close()
  return found
end

for _, script in ipairs(files "tests/fuzz/*.lua") do
  local name <const> = script:match "([^/]+)%.lua$"
  local corpus <const> = files("tests/fuzz/corpus/" .. name .. "/*")

  describe("fuzz target " .. name, function()
    local target <const> = dofile(script)

    it("has inputs", function() assert.truthy(#corpus > 0) end)

    for _, path in ipairs(corpus) do
      it("takes " .. path:match "[^/]+$", function()
        local file <const> = assert(io.open(path, "rb"))
        local bytes <const> = file:read "a"
        file:close()
        target(bytes)
      end)
    end
  end)
end
