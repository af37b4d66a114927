--- fs_content_spec.lua: whole files: read, written, copied.

local fs = require "lull.fs"
local lull = require "lull"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_fs.lua")
local fails, folder, sh = support.fails, support.folder, support.sh

local function write(path, bytes)
  local file <close> = assert(io.open(path, "wb"))
  assert(file:write(bytes))
end

describe("read_file", function()
  it("reads files of all sizes", function()
    local root <close> = folder()
    for _, size in ipairs { 0, 1, 65535, 65536, 65537, 1000003 } do
      local bytes = ("abc\0\xff"):rep(size // 5 + 1):sub(1, size)
      write(root.path .. "/f", bytes)
      assert.is_true(bytes == fs.read_file(root.path .. "/f"), size)
    end
  end)

  it("reads files that say they are empty", function()
    assert.matches("^cpu ", fs.read_file "/proc/stat")
    assert.are.equal("", fs.read_file "/dev/null")
  end)

  it("reads no more than it is told to", function()
    local root <close> = folder()
    write(root.path .. "/f", ("x"):rep(100000))
    assert.are.equal(100000, #fs.read_file(root.path .. "/f", { max = 100000 }))
    support.raises("limit", fs.read_file, root.path .. "/f", { max = 99999 })
    support.raises("limit", fs.read_file, root.path .. "/f", { max = 1 })
    support.raises("limit", fs.read_file, "/dev/zero", { max = 1000000 })
  end)

  it("never waits for pipes", function()
    local root <close> = folder()
    sh("mkfifo '%s/p'", root.path)
    fails("EOPNOTSUPP", root.path .. "/p", "fs.read_file", fs.read_file, root.path .. "/p")
    fails("ENXIO", root.path .. "/p", "fs.write_file", fs.write_file, root.path .. "/p", "x")
    fails("EOPNOTSUPP", root.path .. "/p", "fs.copy", fs.copy, root.path .. "/p", root.path .. "/q")
  end)

  it("raises what the system says", function()
    local root <close> = folder()
    fails("EISDIR", root.path, "fs.read_file", fs.read_file, root.path)
    fails("ENOENT", root.path .. "/no", "fs.read_file", fs.read_file, root.path .. "/no")
  end)

  it("reads a file that shrinks meanwhile", function()
    local root <close> = folder()
    local path = root.path .. "/f"
    write(path, ("x"):rep(4000000))
    local sizes = lull.map({ 1, 2, 3, 4, 5, 6 }, function(n)
      if n == 3 then fs.write_file(path, "short") end
      return #fs.read_file(path)
    end)
    for _, size in ipairs(sizes) do assert.is_true(size <= 4000000) end
    assert.are.equal("short", fs.read_file(path))
  end)
end)

describe("write_file", function()
  it("makes, replaces and appends", function()
    local root <close> = folder()
    local path = root.path .. "/f"
    fs.write_file(path, "one")
    fs.write_file(path, "two!")
    assert.are.equal("two!", fs.read_file(path))
    fs.write_file(path, " three", { append = true })
    fs.write_file(path, "", { append = true })
    assert.are.equal("two! three", fs.read_file(path))
    fs.write_file(path, "")
    assert.are.equal("", fs.read_file(path))
    assert.has_error(function() fs.write_file(path, "", { atomic = true, append = true }) end)
    assert.has_error(function() fs.write_file(path, nil) end)
    assert.has_error(function() fs.write_file(path, "", { mode = "4755" }) end)
    for _, mode in ipairs { "9", "0x1f", "", " 64" } do
      assert.has_error(function() fs.write_file(path, "", { mode = mode }) end)
    end
  end)

  it("replaces all or nothing when atomic", function()
    local root <close> = folder()
    local path = root.path .. "/f"
    fs.write_file(path, "old", { mode = "640" })
    local inode = fs.stat(path).ino
    fs.write_file(path, "new", { atomic = true })
    local stat = fs.stat(path)
    assert.are.equal("new", fs.read_file(path))
    assert.are_not.equal(inode, stat.ino)
    assert.are.equal(tonumber("640", 8), stat.mode)
    assert.are.same({ "f" }, fs.list(root.path))
    fs.write_file(root.path .. "/g", "g", { atomic = true, mode = "600" })
    assert.are.equal("600", sh("stat -c %%a '%s/g'", root.path))
  end)

  it("never leaves half a file, whenever it is cancelled", function()
    local root <close> = folder()
    local path = root.path .. "/f"
    local old, new = ("o"):rep(3000000), ("n"):rep(3000000)
    for i = 0, 30 do
      fs.write_file(path, old)
      local task = lull.async(fs.write_file)(path, new, { atomic = true })
      lull.sleep(i * 0.0003)
      task:cancel()
      local status = task:join()
      if status == "done" then
        assert.is_true(fs.read_file(path) == new)
      else
        local got = fs.read_file(path)
        assert.is_true(got == old, "a cancelled write happened")
      end
    end
    lull.sleep(0.02)
    for _ = 1, 100 do -- the last one given up may still be tidying up
      if #fs.list(root.path) == 1 then break end
      lull.sleep(0.01)
    end
    assert.are.same({ "f" }, fs.list(root.path))
  end)

  it("leaves what was there when the disk is full", function()
    local root <close> = folder()
    if sh("mount -t tmpfs -o size=256k none '%s' 2>/dev/null && echo mounted", root.path) ~= "mounted" then
      return pending "needs to mount"
    end
    local _ <close> = lull.finally(function() sh("umount '%s'", root.path) end)
    local path = root.path .. "/f"
    fs.write_file(path, "old")
    fails("ENOSPC", path, "fs.write_file", fs.write_file, path, ("x"):rep(1000000), { atomic = true })
    assert.are.equal("old", fs.read_file(path))
    assert.are.same({ "f" }, fs.list(root.path))
    fails("ENOSPC", path, "fs.write_file", fs.write_file, path, ("x"):rep(1000000))
  end)

  it("replaces no device and no folder", function()
    local root <close> = folder()
    fs.write_file("/dev/null", "x")
    fails("EOPNOTSUPP", "/dev/null", "fs.write_file", fs.write_file, "/dev/null", "x", { atomic = true })
    fails("EISDIR", root.path, "fs.write_file", fs.write_file, root.path, "x", { atomic = true })
    fails("EISDIR", root.path, "fs.write_file", fs.write_file, root.path, "x")
    fails("ENOENT", root.path .. "/no/f", "fs.write_file", fs.write_file, root.path .. "/no/f", "x", { atomic = true })
  end)
end)

describe("copy", function()
  it("copies bytes and mode", function()
    local root <close> = folder()
    local bytes = ("0123456789"):rep(200000)
    write(root.path .. "/a", bytes)
    fs.chmod(root.path .. "/a", "750")
    fs.copy(root.path .. "/a", root.path .. "/b")
    assert.is_true(bytes == fs.read_file(root.path .. "/b"))
    assert.are.equal("750", sh("stat -c %%a '%s/b'", root.path))
    write(root.path .. "/a", "")
    fs.copy(root.path .. "/a", root.path .. "/b", { mode = "600" })
    assert.are.equal("", fs.read_file(root.path .. "/b"))
    assert.are.equal("600", sh("stat -c %%a '%s/b'", root.path))
    assert.are.same({ "a", "b" }, fs.list(root.path))
  end)

  it("copies what says it is empty, and from one file system to another", function()
    local root <close> = folder()
    fs.copy("/proc/version", root.path .. "/v")
    assert.are.equal(fs.read_file "/proc/version", fs.read_file(root.path .. "/v"))
  end)

  it("replaces nothing when told so", function()
    local root <close> = folder()
    write(root.path .. "/a", "a")
    write(root.path .. "/b", "b")
    fails("EEXIST", root.path .. "/b", "fs.copy", fs.copy, root.path .. "/a", root.path .. "/b", { replace = false })
    assert.are.equal("b", fs.read_file(root.path .. "/b"))
    assert.are.same({ "a", "b" }, fs.list(root.path))
  end)

  it("copies files only", function()
    local root <close> = folder()
    fails("EISDIR", root.path, "fs.copy", fs.copy, root.path, root.path .. "/x")
    fails("EOPNOTSUPP", "/dev/zero", "fs.copy", fs.copy, "/dev/zero", root.path .. "/x")
    write(root.path .. "/a", "a")
    fails("EOPNOTSUPP", "/dev/null", "fs.copy", fs.copy, root.path .. "/a", "/dev/null")
  end)
end)

describe("many at once", function()
  it("are read", function()
    local root <close> = folder()
    local list = {}
    for i = 1, 500 do list[i] = i end
    lull.map(list, function(i) fs.write_file(root.path .. "/" .. i, ("x"):rep(i)) end)
    local sizes = lull.map(list, function(i) return #fs.read_file(root.path .. "/" .. i) end)
    for i = 1, 500 do assert.are.equal(i, sizes[i]) end
  end)

  it("hold no descriptors while their results wait to be taken", function()
    local output, code = support.program([[
      local fs, lull = require "lull.fs", require "lull"
      lull.group(function(group)
        for _ = 1, 500 do group:spawn(function() assert(#fs.read_file "/etc/passwd" > 0) end) end
        lull.yield()
        os.execute "sleep 0.2" -- threads read, and nobody takes
      end)]], support.FEW_DESCRIPTORS)
    assert.are.same({ "", 0 }, { output, code })
  end)
end)
