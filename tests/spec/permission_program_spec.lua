--- The program's permissions: all by default, only what is named with --allow-X, nothing
--- but to compute and to wait with --sandbox.

local program <const> = os.getenv "LULL" or (os.getenv "LULL_BUILD" or "build") .. "/lull"

--- Run code from a file with these options; what it printed on both streams, its exit code.
local function run(options, code)
  local path <const> = os.tmpname()
  local file <const> = assert(io.open(path, "w"))
  file:write(code)
  file:close()
  local command <const> = ("%s %s %s 2>&1 </dev/null"):format(program, options, path)
  local pipe <const> = assert(io.popen(command))
  local output <const> = pipe:read "a"
  local _, _, status = pipe:close()
  os.remove(path)
  return output, status
end

local TRY_ALL <const> = [[
local tries <const> = {
  read = function() return io.open "/etc/passwd" end,
  write = function() return io.open("/dev/null", "w") end,
  env = function() return os.getenv "PATH" end,
  run = function() return os.execute "true" end,
  native = function() return package.loadlib("/none.so", "f") == nil end,
  debug = function() return debug.sethook end,
  bytecode = function() return load(string.dump(function() end)) end,
  testing = function() return require "lull.testing" end,
  net = function() return require "lull.net" end,
}
local allowed <const> = {}
for name, try in pairs(tries) do
  local ok <const>, result <const> = pcall(try)
  if ok and result then allowed[#allowed + 1] = name end
end
table.sort(allowed)
print(table.concat(allowed, " "))]]

describe("permissions of the program", function()
  it("are all by default", function()
    assert.are.equal("bytecode debug env native net read run testing write\n", run("", TRY_ALL))
  end)

  it("leave computing and waiting in a sandbox", function()
    assert.are.equal("net\n", run("--sandbox", TRY_ALL))
    assert.are.equal("1\n", run("--sandbox", "require 'lull'.sleep(0.001) print(1)"))
  end)

  it("are what is named", function()
    assert.are.equal("net read\n", run("--allow-read=/etc", TRY_ALL))
    assert.are.equal("env net run\n", run("--allow-env=PATH --allow-run=sh", TRY_ALL))
    assert.are.equal("native net write\n", run("--allow-native --allow-write=/dev", TRY_ALL))
    assert.are.equal("net\n", run("--sandbox --allow-threads", TRY_ALL))
  end)

  it("of serving are the folder and the address", function()
    local pipe <const> = io.popen(program .. " --allow-read=. serve --port 0 . 2>&1")
    local output <const> = pipe:read "a"
    pipe:close()
    assert.is_truthy(output:find("needs listen=", 1, true), output)
  end)

  it("are named where they are missing", function()
    local output <const>, code <const> = run("--sandbox", "io.open '/etc/passwd'")
    assert.are.equal(1, code)
    assert.is_truthy(output:find("lull: permission: io.open: io.open needs read=/etc/passwd", 1, true))
  end)

  it("must be known", function()
    local output <const>, code <const> = run("--allow-raed=/etc", "print(1)")
    assert.are.equal(1, code)
    assert.is_truthy(output:find("'--allow-raed=/etc'; did you mean '--allow-read'?", 1, true))
  end)

  it("do not take a script of bytecode", function()
    local code <const> = string.dump(assert(load "print(1)"))
    assert.are.equal("1\n", run("", code))
    assert.is_truthy(run("--sandbox", code):find("binary chunk", 1, true))
  end)

  it("do not reach the prompt", function()
    assert.is_truthy(run("--sandbox -i", "print(1)"):find("the prompt may do everything", 1, true))
  end)
end)
