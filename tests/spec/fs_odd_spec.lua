--- fs_odd_spec.lua: what is denied, full, broken, or oddly named.

local fs = require "lull.fs"
local lull = require "lull"
local here <const> = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local support <const> = dofile(here .. "support_fs.lua")
local fails, folder, sh = support.fails, support.folder, support.sh

--- Run a script as somebody whom modes bind: as root, without what lets root ignore them.
local function bound(root, code)
  local path <const> = os.tmpname()
  local _ <close> = lull.finally(function() os.remove(path) end)
  fs.write_file(path, ("local root = %q\n"):format(root) .. [[
    local fs = require "lull.fs"
    local function try(fn, path, ...)
      local ok, err = pcall(fn, root .. path, ...)
      print(ok and "done" or err.kind .. " " .. err.code .. " " .. err.path:sub(#root + 1))
    end
  ]] .. code)
  local lull_path <const> = os.getenv "LULL" or (os.getenv "LULL_BUILD" or "build") .. "/lull"
  local as <const> = sh "id -u" == "0" and "setpriv --bounding-set -dac_override,-dac_read_search" or ""
  return sh("%s timeout 50 '%s' '%s' </dev/null 2>&1", as, lull_path, path)
end

describe("what modes deny", function()
  it("raises EACCES, with its path", function()
    local root <close> = folder()
    sh("cd '%s' && mkdir no ro && touch no/f ro/f plain secret && chmod 0 no secret && chmod 555 ro", root.path)
    local output <const> = bound(root.path, [[
      try(fs.read_file, "/secret")
      try(fs.open, "/secret")
      try(fs.copy, "/secret", root .. "/copy")
      try(fs.stat, "/no/f")
      try(fs.stat, "/no/f", { missing = true })
      try(fs.exists, "/no/f")
      try(fs.list, "/no")
      try(fs.walk, "/no")
      try(fs.watch, "/no")
      try(fs.write_file, "/ro/new", "x")
      try(fs.write_file, "/ro/f", "x", { atomic = true })
      try(fs.mkdir, "/ro/new")
      try(fs.remove, "/ro/f")
      try(fs.rename, "/ro/f", root .. "/new")
      try(fs.symlink, "/ro/new", root .. "/ro/link")
      try(fs.temp_dir, "/ro")
      try(fs.stat, "/secret")
      try(fs.write_file, "/ro/f", "x")
      local told = 0
      for _ in fs.walk(root, { on_error = function(err) assert(err.path == root .. "/no") told = told + 1 end }) do end
      print(told, table.concat(fs.list(root), " "))
    ]])
    sh("chmod 700 '%s'/*", root.path)
    assert.are.equal(table.concat({
      "io EACCES /secret", "io EACCES /secret", "io EACCES /secret", "io EACCES /no/f", "io EACCES /no/f",
      "io EACCES /no/f", "io EACCES /no", "io EACCES /no", "io EACCES /no", "io EACCES /ro/new",
      "io EACCES /ro/f", "io EACCES /ro/new", "io EACCES /ro/f", "io EACCES /ro/f", "io EACCES /ro/link",
      "io EACCES /ro", "done", "done", "1\tno plain ro secret",
    }, "\n"), (output:gsub("(EACCES /ro)/lull%-%w+", "%1")))
  end)
end)

describe("a folder whose names can be read, and no more", function()
  it("is not walked as if it were empty", function()
    local root <close> = folder()
    sh("cd '%s' && mkdir -p a/b c && touch a/b/f c/g && chmod 444 a/b", root.path)
    local output <const> = bound(root.path, [[
      local seen = {}
      for path in fs.walk(root, { on_error = function(err) seen[#seen + 1] = err.code .. err.path:sub(#root + 1) end }) do
        seen[#seen + 1] = path:sub(#root + 1)
      end
      table.sort(seen)
      print(table.concat(seen, " "))
      try(function(path) for _ in fs.walk(path) do end end, "/a/b")
    ]])
    sh("chmod 700 '%s'/a/b", root.path)
    assert.are.equal("/a /a/b /c /c/g EACCES/a/b\nio EACCES /a/b", output)
  end)
end)

describe("a full disk", function()
  it("raises ENOSPC", function()
    fails("ENOSPC", "/dev/full", "fs.write_file", fs.write_file, "/dev/full", "x")
    local full <close> = fs.open("/dev/full", "w")
    fails("ENOSPC", "/dev/full", "fs.file.write", full.write, full, "x")
  end)

  it("leaves no copy that is not whole, and files that can be written again", function()
    local root <close> = folder()
    if sh("mount -t tmpfs -o size=64k none '%s' 2>/dev/null && echo mounted", root.path) ~= "mounted" then
      return pending "needs to mount"
    end
    local _ <close> = lull.finally(function() sh("umount '%s'", root.path) end)
    local path <const>, big <const> = root.path .. "/f", folder()
    local _ <close> = big
    fs.write_file(path, "old")
    fs.write_file(big.path .. "/big", ("x"):rep(1000000))
    fails("ENOSPC", path, "fs.copy", fs.copy, big.path .. "/big", path)
    assert.are.equal("old", fs.read_file(path))
    assert.are.same({ "f" }, fs.list(root.path))
    local file <close> = fs.open(path, "a")
    file:write(("x"):rep(1000000))
    fails("ENOSPC", path, "fs.file.truncate", file.truncate, file, 3)
    file:truncate(3)
    file:write " and new"
    file:close()
    assert.are.equal("old and new", fs.read_file(path))
  end)
end)

describe("a broken link", function()
  it("is there, and leads nowhere", function()
    local root <close> = folder()
    local link <const> = root.path .. "/link"
    fs.symlink("nowhere", link)
    assert.are.same({ "link" }, fs.list(root.path))
    for path, stat in fs.walk(root.path) do assert.are.same({ link, "link" }, { path, stat.type }) end
    assert.are.equal("link", fs.lstat(link).type)
    assert.is_nil(fs.stat(link, { missing = true }))
    assert.is_false(fs.exists(link))
    fails("ENOENT", link, "fs.stat", fs.stat, link)
    fails("ENOENT", link, "fs.read_file", fs.read_file, link)
    fails("ENOENT", link, "fs.open", fs.open, link)
    fails("ENOENT", link, "fs.copy", fs.copy, link, root.path .. "/copy")
    fails("ENOENT", link, "fs.chmod", fs.chmod, link, "600")
    fs.rename(link, root.path .. "/other")
    assert.are.equal("nowhere", fs.readlink(root.path .. "/other"))
    fs.remove(root.path .. "/other")
    assert.are.same({}, fs.list(root.path))
  end)

  it("in a circle is told from one to nowhere", function()
    local root <close> = folder()
    fs.symlink("b", root.path .. "/a")
    fs.symlink("a", root.path .. "/b")
    fails("ELOOP", root.path .. "/a", "fs.read_file", fs.read_file, root.path .. "/a")
    fails("ELOOP", root.path .. "/a", "fs.stat", fs.stat, root.path .. "/a", { missing = true })
  end)
end)

describe("a name of any bytes", function()
  it("is as good as another", function()
    local root <close> = folder()
    local bytes <const> = {}
    for i = 1, 255 do bytes[#bytes + 1] = string.char(i) end
    local name <const> = table.concat(bytes):gsub("/", "")
    local path <const>, other <const> = root.path .. "/" .. name, root.path .. "/" .. name:reverse()
    local watch <close> = fs.watch(root.path)
    fs.write_file(path, "text")
    assert.are.same({ path = path, kind = "created" }, watch:next())
    fs.copy(path, other)
    assert.are.same({ path = other, kind = "created" }, watch:next())
    assert.are.equal("text", fs.read_file(other))
    for each in fs.walk(root.path) do assert.is_true(each == path or each == other) end
    fs.rename(path, other)
    assert.are.same({ name:reverse() }, fs.list(root.path))
    local longer <const> = root.path .. "/" .. ("x"):rep(256)
    fails("ENAMETOOLONG", longer, "fs.write_file", fs.write_file, longer, "")
  end)
end)
