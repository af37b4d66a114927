--- profile_spec.lua: `lull --profile`: the file of stacks, and the summary.

local fs = require "lull.fs"
local process = require "lull.process"

local path <const> = os.getenv "LULL" or (os.getenv "LULL_BUILD" or "build") .. "/lull"

local HOT <const> = "local function hot() for i = 1, 1e5 do end end local t = os.clock() "
local SPIN <const> = HOT .. "while os.clock() - t < 0.3 do hot() end "

--- The counts of a file by stack, and their sum.
local function read(file)
  local stacks <const>, all = {}, 0
  for stack, count in fs.read_file(file):gmatch "([^\n]*) (%d+)\n" do
    stacks[stack] = tonumber(count)
    all = all + tonumber(count)
  end
  return stacks, all
end

--- Run code with a profile: the result, and counts by stack.
local function profile(code, option)
  local dir <close> = fs.temp_dir()
  local file <const> = dir.path .. "/out"
  local result <const> = process.run({ path, "--profile=" .. file, option or "-W", "-e", code }, { timeout = 60 })
  return result, read(file)
end

--- Most of what was found are stacks that end so.
local function dominates(ending, stacks, all)
  local found = 0
  for stack, count in pairs(stacks) do
    if stack:sub(-#ending) == ending then found = found + count end
  end
  assert.is_true(all > 0 and found * 2 > all, ("%s: %d of %d"):format(ending, found, all))
end

describe("lull --profile", function()
  for name, case in pairs {
    ["a script that ends"] = { SPIN, 0 },
    ["a script that fails"] = { SPIN .. "error 'no'", 1 },
    ["a script that exits"] = { SPIN .. "os.exit(7)", 7 },
  } do
    it("writes stacks of " .. name, function()
      local result <const>, stacks <const>, all <const> = profile(case[1])
      assert.are.equal(case[2], result.code, result.stderr)
      dominates(";hot ((command line):1)", stacks, all)
      assert.matches("lull: profile: [%d.]+ s of CPU time, %d+ stacks in ", result.stderr)
      assert.matches("\n +self +total  function\n +[%d.]+%% +[%d.]+%%  hot %(%(command line%):1%)\n", result.stderr)
    end)
  end

  it("writes stacks of a script that is stopped", function()
    local dir <close> = fs.temp_dir()
    local file <const> = dir.path .. "/out"
    local child <close> =
      process.open { path, "--profile=" .. file, "-e", SPIN .. "print 'spun' io.stdout:flush() while true do hot() end" }
    assert.are.equal("spun", child.stdout:read "l")
    child:kill "INT"
    assert.are.equal(130, (child:wait()))
    dominates(";hot ((command line):1)", read(file))
  end)

  it("leaves a script's own hooks all that they are for", function()
    local result <const> = profile([[
      local lines, counts = 0, 0
      debug.sethook(function() lines = lines + 1 end, "l")
      for i = 1, 1000000 do
        local x = i
      end
      debug.sethook(function() counts = counts + 1 end, "", 10000000)
      for i = 1, 20000000 do end
      debug.sethook()
      print(lines, counts)]], "--profile-interval=0.0001")
    assert.are.equal("2000002\t2\n", result.stdout)
  end)

  it("tells tasks apart", function()
    local _, stacks <const>, all <const> = profile(HOT .. [[
      local lull = require "lull"
      local function work() while os.clock() - t < 0.3 do hot() lull.sleep(0) end end
      lull.spawn(work).name = "one"
      lull.spawn(work).name = "two"]])
    local sums <const> = { one = 0, two = 0 }
    for stack, count in pairs(stacks) do
      local task <const> = stack:match "^[^;]*"
      sums[task] = (sums[task] or 0) + count
    end
    assert.is_true(sums.one > 0 and sums.two > 0 and (sums.one + sums.two) * 2 > all)
  end)

  it("is refused where the file cannot be", function()
    local result <const> = process.run { path, "--profile=/nowhere/x", "-e", "print 'ran'" }
    assert.are.same({ 1, "" }, { result.code, result.stdout })
    assert.matches("^lull: %-%-profile: /nowhere/x: No such file or directory\n$", result.stderr)
  end)

  it("takes an interval that makes sense", function()
    local result <const>, stacks <const>, all <const> = profile(SPIN, "--profile-interval=0.01")
    assert.are.equal(0, result.code)
    dominates(";hot ((command line):1)", stacks, all)
    for _, interval in ipairs { "0", "2", "x", "1e-2", "nan" } do
      local refused <const> = process.run { path, "--profile-interval=" .. interval, "-e", "" }
      assert.are.equal(1, refused.code)
      assert.matches("seconds from 0.0001 to 1", refused.stderr)
    end
  end)
end)
