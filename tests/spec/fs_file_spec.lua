--- fs_file_spec.lua: open files, which read like every stream.

local fs = require "lull.fs"
local lull = require "lull"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_fs.lua")
local fails, folder, raises = support.fails, support.folder, support.raises

--- A file with these bytes, open in this mode; and its folder, to be closed.
local function opened(bytes, mode, opts)
  local root = folder()
  fs.write_file(root.path .. "/f", bytes)
  local file = fs.open(root.path .. "/f", mode, opts)
  return file, setmetatable({ path = root.path }, { __close = function()
    file:close()
    root:remove()
  end })
end

describe("reading from a file", function()
  it("knows the formats of io", function()
    local file, _ <close> = opened "one\ntwo\n\nfour\nrest\nend"
    assert.are.equal("one", file:read())
    assert.are.equal("two\n", file:read "L")
    assert.are.same({ "", "fo" }, { file:read("l", 2) })
    assert.are.equal("ur\nrest\nend", file:read "a")
    assert.are.equal("", file:read "a")
    assert.is_nil(file:read "l")
    assert.is_nil(file:read(0))
    assert.has_error(function() file:read "n" end)
    assert.has_error(function() file:read(-1) end)
  end)

  it("gives n bytes, fewer only at the end", function()
    local bytes = ("0123456789abcdef"):rep(150000)
    local file, _ <close> = opened(bytes)
    assert.is_true(bytes:sub(1, 1000000) == file:read(1000000))
    assert.are.equal("", file:read(0))
    assert.is_true(bytes:sub(1000001) == file:read(10000000))
    assert.is_nil(file:read(1))
  end)

  it("reads lines, however they lie", function()
    local lines = {}
    for i = 1, 20000 do lines[i] = ("x"):rep(i % 97) .. i end
    local file, _ <close> = opened(table.concat(lines, "\n"))
    local n = 0
    for line in file:lines() do
      n = n + 1
      assert.are.equal(lines[n], line)
    end
    assert.are.equal(20000, n)
  end)

  it("reads what there is, exactly so much, and up to a separator", function()
    local file, _ <close> = opened "a--b--cdef"
    assert.are.equal("a--", file:read_until "--")
    assert.are.equal("b--", file:read_until("--", 10))
    assert.are.equal("cd", file:read_exact(2))
    assert.are.equal("ef", file:read_some())
    assert.is_nil(file:read_some())
    assert.is_nil(file:read_exact(1))
    assert.is_nil(file:read_until "--")
    file:seek("set", 8)
    local err = support.failure(file.read_exact, file, 3)
    assert.are.equal("eof", err.kind)
    assert.are.equal("ef", err.partial)
  end)

  it("keeps what is over a limit", function()
    local file, _ <close> = opened("0123456789\n", "r", { max_line = 5, max_all = 8 })
    raises("limit", file.read, file)
    raises("limit", file.read, file, "a")
    raises("limit", file.read_until, file, "9", 3)
    assert.are.equal("0123456789", file:read(10))
  end)

  it("sees what was added after the end", function()
    local file, root <close> = opened "one\n"
    assert.are.equal("one", file:read())
    assert.is_nil(file:read())
    fs.write_file(root.path .. "/f", "two\n", { append = true })
    assert.are.equal("two", file:read())
  end)

  it("reads a file that shrinks meanwhile", function()
    local file, root <close> = opened(("x"):rep(300000))
    assert.are.equal(100000, #file:read(100000))
    fs.write_file(root.path .. "/f", "short")
    assert.is_true(#file:read "a" < 200000)
    assert.is_nil(file:read(1))
    file:seek("set", 0)
    assert.are.equal("short", file:read "a")
  end)

  it("takes nothing when it is cancelled", function()
    local bytes = ("0123456789"):rep(100000)
    local file, _ <close> = opened(bytes)
    for i = 1, 20 do
      local got
      local task = lull.async(function() got = file:read(500000) end)()
      lull.sleep(i * 0.0001)
      task:cancel()
      task:join()
      if got then file:seek("set", 0) end
      assert.are.equal(0, file:seek())
    end
    assert.is_true(bytes == file:read "a")
  end)

  it("is one task's at a time", function()
    local file, _ <close> = opened(("x"):rep(1000000))
    local first = lull.async(file.read)(file, "a")
    lull.yield()
    raises("busy", file.read, file, "a")
    raises("busy", file.write, file, "a")
    assert.are.equal(1000000, #first:await())
  end)

  it("lets others run, however much of it is in memory", function()
    local file, _ <close> = opened(("line\n"):rep(400000))
    local beats, count = 0, 0
    local beat = lull.async(function()
      while true do
        lull.yield()
        beats = beats + 1
      end
    end)()
    for _ in file:lines() do count = count + 1 end
    beat:cancel()
    assert.are.equal(400000, count)
    assert.is_true(beats > 10)
  end)

  it("reads devices and files of /proc", function()
    local zero <close> = fs.open "/dev/zero"
    assert.are.equal(("\0"):rep(200000), zero:read(200000))
    local stat <close> = fs.open "/proc/stat"
    assert.matches("^cpu ", stat:read())
  end)
end)

describe("writing to a file", function()
  it("writes at the position", function()
    local file, root <close> = opened("0123456789", "r+")
    assert.are.equal("01", file:read(2))
    assert.are.equal(file, file:write("ab", 1, ""))
    assert.are.equal(5, file:seek())
    assert.are.equal("56", file:read(2))
    file:seek("set", 0)
    file:write "X"
    assert.are.equal("X1ab156789", fs.read_file(root.path .. "/f"))
  end)

  it("cuts off in mode w, and adds in mode a", function()
    local file, root <close> = opened("0123456789", "w")
    file:write("one\n"):flush():sync()
    assert.are.equal("one\n", fs.read_file(root.path .. "/f"))
    local more <close> = fs.open(root.path .. "/f", "a+")
    assert.are.equal("one", more:read())
    more:seek("set", 0)
    more:write "two\n"
    assert.are.equal(8, more:seek())
    assert.are.equal("one\ntwo\n", fs.read_file(root.path .. "/f"))
  end)

  it("never interleaves what several tasks write", function()
    local file, root <close> = opened("", "w")
    local list = {}
    for i = 1, 50 do list[i] = i end
    lull.map(list, function(i) file:write((("%02d"):format(i)):rep(500), "\n") end)
    file:flush()
    local seen = {}
    for line in fs.open(root.path .. "/f"):lines() do
      assert.are.equal(line:sub(1, 2):rep(500), line)
      seen[#seen + 1] = tonumber(line:sub(1, 2))
    end
    assert.are.same(list, seen)
  end)

  it("seeks and truncates", function()
    local file, root <close> = opened("0123456789", "r+")
    assert.are.equal(10, file:seek "end")
    assert.are.equal(8, file:seek("end", -2))
    assert.are.equal("89", file:read "a")
    assert.are.equal(3, file:seek("set", 3))
    assert.are.equal(5, file:seek("cur", 2))
    file:truncate(6)
    assert.are.equal("5", file:read "a")
    file:truncate(8)
    assert.are.equal("012345\0\0", fs.read_file(root.path .. "/f"))
    assert.are.equal(8, file:stat().size)
    assert.has_error(function() file:truncate(-1) end)
    assert.are.equal("EINVAL", support.failure(file.seek, file, "set", -1).code)
  end)

  it("raises what the system says", function()
    local file, root <close> = opened("x", "r")
    fails("EBADF", root.path .. "/f", "fs.file.write", file.write, file, "y")
    local writer <close> = fs.open(root.path .. "/f", "a")
    fails("EBADF", root.path .. "/f", "fs.file.read", writer.read, writer)
    local full <close> = fs.open("/dev/full", "w")
    fails("ENOSPC", "/dev/full", "fs.file.write", full.write, full, "y")
  end)
end)

describe("what is written behind the back", function()
  local FAR <const> = math.maxinteger - 10 -- no file is as long

  --- A file whose next write fails once it comes to it; and its folder.
  local function failing()
    local file, root = opened("", "w")
    file:seek("set", FAR)
    return file:write "lost", root
  end

  it("is queued, and comes in order", function()
    for _, high_water in ipairs { 1, 1000, 1000000 } do
      local file, root <close> = opened("", "w", { high_water = high_water })
      local list = {}
      for i = 1, 600 do
        list[i] = ("%d,"):format(i):rep(i % 50 == 0 and 3000 or 1)
        file:write(list[i], "")
      end
      file:close()
      assert.is_true(table.concat(list) == fs.read_file(root.path .. "/f"))
    end
  end)

  it("is for all to be read after flush and sync", function()
    local file, root <close> = opened("0123", "a")
    assert.are.equal(file, file:write("one"):flush())
    assert.are.equal("0123one", fs.read_file(root.path .. "/f"))
    file:write("two"):sync()
    assert.are.equal("0123onetwo", fs.read_file(root.path .. "/f"))
    assert.are.equal(file, file:flush())
  end)

  it("comes before what asks for the file, seeks or truncates", function()
    local file, root <close> = opened("", "w")
    assert.are.equal(4, file:write("0123"):seek())
    assert.are.equal(8, file:write("4567"):stat().size)
    assert.are.equal(9, file:write("8"):seek "end")
    file:write("9"):truncate(5)
    file:write("x"):seek("set", 1)
    file:write("y"):close()
    assert.are.equal("0y234\0\0\0\0\0x", fs.read_file(root.path .. "/f"))
    local more, _ <close> = opened("0123", "a")
    assert.are.equal(5, more:write("4"):seek())
  end)

  it("lets who writes wait while there is no room, and can be cancelled then", function()
    for _ = 1, 20 do
      local file, root <close> = opened("", "w", { high_water = 2 })
      local task = lull.async(function()
        file:write("ab"):write "cd" -- under way, and queued
        file:write "ef"
      end)()
      lull.yield()
      task:cancel()
      local outcome = task:join()
      file:close()
      assert.are.equal(outcome == "cancelled" and "abcd" or "abcdef", fs.read_file(root.path .. "/f"))
    end
  end)

  it("is written in turns with what waits for room", function()
    local file, root <close> = opened("", "w", { high_water = 10 })
    local list = {}
    for i = 1, 200 do list[i] = i end
    lull.map(list, function(i)
      file:write(("%03d"):format(i):rep(i % 7 + 1), "\n")
      if i % 20 == 0 then file:sync() end
    end)
    file:close()
    local lines = 0
    for line in fs.open(root.path .. "/f"):lines() do
      lines = lines + 1
      assert.are.equal(line:sub(1, 3):rep(tonumber(line:sub(1, 3)) % 7 + 1), line)
    end
    assert.are.equal(200, lines)
  end)

  it("fails in the next call, once", function()
    for name, call in pairs {
      flush = function(file) file:flush() end,
      sync = function(file) file:sync() end,
      stat = function(file) file:stat() end,
      seek = function(file) file:seek "end" end,
      truncate = function(file) file:truncate(7) end,
      write = function(file)
        while true do
          lull.yield()
          file:write "dropped"
        end
      end,
    } do
      local file, root <close> = failing()
      fails("EFBIG", root.path .. "/f", "fs.file." .. name, call, file)
      file:seek("set", 0)
      file:write("kept"):close()
      assert.are.equal("kept", fs.read_file(root.path .. "/f"))
    end
  end)

  it("drops what was queued after what failed", function()
    local file, root <close> = failing()
    for _ = 1, 10 do file:write "x" end
    fails("EFBIG", root.path .. "/f", "fs.file.flush", file.flush, file)
    assert.are.equal(FAR, file:seek())
    file:close()
    assert.are.equal("", fs.read_file(root.path .. "/f"))
  end)

  it("fails in close, which closes all the same", function()
    local file, root <close> = failing()
    fails("EFBIG", root.path .. "/f", "fs.file.close", file.close, file)
    assert.are.equal(-1, file:fd())
    file:close()
    local again, other <close> = failing()
    fails("EFBIG", other.path .. "/f", "fs.file.close", function()
      local _ <close> = again
    end)
    assert.are.equal(-1, again:fd())
    local told, third <close> = failing()
    fails("EFBIG", third.path .. "/f", "fs.file.flush", told.flush, told)
    told:close()
  end)

  it("is told to on_error when nobody closes the file", function()
    local root <close> = folder()
    local told = lull.future()
    local before = lull.on_error(function(err) told:set(err) end)
    local _ <close> = lull.finally(function() lull.on_error(before) end)
    do
      local file = fs.open(root.path .. "/f", "w")
      file:seek("set", FAR)
      file:write "lost"
    end
    lull.yield()
    collectgarbage()
    collectgarbage()
    local err = told:await()
    assert.are.equal("EFBIG", err.code)
    assert.are.equal(root.path .. "/f", err.path)
  end)

  it("is written when nobody closes the file, also at the end of the program", function()
    local root <close> = folder()
    for name, code in pairs { fall = "", exit = "os.exit(0)", fail = "error 'x'" } do
      local path = root.path .. "/" .. name
      support.limited("", ([[
        local fs = require "lull.fs"
        local file = fs.open(%q, "w")
        for _ = 1, 30 do file:write(("0123456789"):rep(10000)) end
        %s]]):format(path, code))
      assert.are.equal(3000000, fs.stat(path).size)
    end
  end)

  it("is written when who wrote is cancelled, or ended by force", function()
    local root <close> = folder()
    local task = lull.async(function()
      local file <close> = fs.open(root.path .. "/f", "w")
      for _ = 1, 10 do file:write(("x"):rep(100000)) end
      lull.sleep(100)
    end)()
    while (fs.stat(root.path .. "/f", { missing = true }) or { size = 0 }).size == 0 do lull.yield() end
    task:cancel()
    assert.are.equal("cancelled", task:join())
    assert.are.equal(0, fs.stat(root.path .. "/f").size % 100000)
    lull.async(function()
      local file <close> = fs.open(root.path .. "/g", "w")
      file:write(("x"):rep(3000000))
      lull.current():cancel()
    end)():join()
    assert.are.equal(3000000, fs.stat(root.path .. "/g").size)
  end)

  it("is with the system at once where high_water is 0, and in modes with +", function()
    for mode, opts in pairs { w = { high_water = 0 }, ["w+"] = {} } do
      local file, root <close> = opened("", mode, opts)
      file:write "now"
      assert.are.equal("now", fs.read_file(root.path .. "/f"))
    end
    assert.has_error(function() fs.open("/dev/null", "w", { high_water = -1 }) end)
    assert.has_error(function() fs.open("/dev/null", "w", { high_water = 1.5 }) end)
  end)

  it("is not read", function()
    local file, root <close> = opened("", "w")
    fails("EBADF", root.path .. "/f", "fs.file.read", file:write("x").read, file)
  end)

  it("ends others who wait when the file is closed", function()
    local file, root <close> = opened("", "w", { high_water = 2 })
    file:write "ab"
    local others = { lull.async(file.sync)(file), lull.async(file.stat)(file) }
    lull.yield()
    file:write "cd"
    file:close()
    for _, other in ipairs(others) do
      if other:join() == "failed" then assert.are.equal("closed", other:error().kind) end
    end
    assert.are.equal("abcd", fs.read_file(root.path .. "/f"))
  end)
end)

describe("an open file", function()
  it("is opened as io.open does", function()
    local root <close> = folder()
    fails("ENOENT", root.path .. "/no", "fs.open", fs.open, root.path .. "/no")
    fails("ENOENT", root.path .. "/no", "fs.open", fs.open, root.path .. "/no", "r+")
    fails("EISDIR", root.path, "fs.open", fs.open, root.path)
    fs.open(root.path .. "/new", "ab"):close()
    assert.is_true(fs.exists(root.path .. "/new"))
    support.sh("mkfifo '%s/p'", root.path)
    fails("EOPNOTSUPP", root.path .. "/p", "fs.open", fs.open, root.path .. "/p")
    assert.has_error(function() fs.open(root.path .. "/new", "x") end)
    assert.has_error(function() fs.open(root.path .. "/new", "rw") end)
  end)

  it("is closed once, and says so", function()
    local file, _ <close> = opened "x"
    assert.is_true(file:fd() >= 0)
    file:close()
    file:close()
    assert.are.equal(-1, file:fd())
    assert.matches("closed", tostring(file))
    raises("closed", file.read, file)
    raises("closed", file.write, file, "x")
    raises("closed", file.seek, file)
  end)

  it("wakes who waits when it is closed", function()
    local file, _ <close> = opened(("x"):rep(1000000), "r+")
    local reader = lull.async(file.read)(file, "a")
    lull.yield()
    file:close()
    assert.are.equal("failed", reader:join())
    assert.are.equal("closed", reader:error().kind)
  end)

  it("is no position for devices", function()
    local zero <close> = fs.open "/dev/zero"
    assert.are.equal("ESPIPE", support.failure(zero.seek, zero).code)
  end)
end)
