--- fs_permission_spec.lua: lull.fs where not everything is allowed.

local fs = require "lull.fs"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_fs.lua")
local folder, limited, sh = support.folder, support.limited, support.sh

--- What a script with `root` and these permissions for in/ below it says.
local function say(root, rules, code)
  local options = {}
  for _, rule in ipairs(rules) do options[#options + 1] = ("'--allow-%s=%s/in'"):format(rule, root) end
  return limited(table.concat(options, " "), ("local root = %q\n"):format(root) .. [[
    local lull = require "lull"
    local fs = require "lull.fs"
    local function try(fn, ...)
      local ok, result = pcall(fn, ...)
      if ok then print("done") else
        local about = result.needed or result.code or tostring(result)
        print(result.kind .. " " .. about:gsub(root:gsub("%p", "%%%0"), ""))
      end
    end
  ]] .. code)
end

--- A folder with in/ and out/.
local function tree()
  local root = folder()
  sh("cd '%s' && mkdir in out && echo secret > out/f && echo text > in/f && ln -s ../out/f in/l && ln -s ../out in/d",
    root.path)
  return root
end

describe("without a permission", function()
  it("nothing is read or written", function()
    local root <close> = tree()
    local output = say(root.path, { "read" }, [[
      try(fs.read_file, root .. "/in/f")
      try(fs.read_file, root .. "/out/f")
      try(fs.stat, root .. "/out")
      try(fs.list, root .. "/out")
      try(fs.open, root .. "/out/f")
      try(fs.open, root .. "/in/f", "a")
      try(fs.write_file, root .. "/in/f", "x")
      try(fs.write_file, root .. "/in/f", "x", { atomic = true })
      try(fs.mkdir, root .. "/in/x")
      try(fs.remove, root .. "/in/f")
      try(fs.chmod, root .. "/in/f", "777")
      try(fs.walk, root .. "/out")
      try(fs.watch, root .. "/out")
      try(fs.copy, root .. "/in/f", root .. "/out/g")
      try(fs.temp_dir, root .. "/out")
    ]])
    assert.are.equal(table.concat({
      "done", "permission read=/out/f", "permission read=/out", "permission read=/out",
      "permission read=/out/f", "permission write=/in/f", "permission write=/in/f", "permission write=/in/f",
      "permission write=/in/x", "permission write=/in/f", "permission write=/in/f", "permission read=/out",
      "permission read=/out", "permission write=/out/g", "permission write=/out",
    }, "\n"), (output:gsub("(write=/out)/lull%-%w+", "%1")))
    assert.are.equal("text\n", fs.read_file(root.path .. "/in/f"))
  end)

  it("links lead nowhere else", function()
    local root <close> = tree()
    local output = say(root.path, { "read", "write" }, [[
      local function kind(fn, ...) print((select(2, pcall(fn, ...)).kind)) end
      kind(fs.read_file, root .. "/in/l")
      kind(fs.write_file, root .. "/in/l", "x")
      kind(fs.stat, root .. "/in/l")
      kind(fs.list, root .. "/in/d")
      kind(fs.remove, root .. "/in/d/f")
      kind(fs.chmod, root .. "/in/l", "777")
      kind(fs.rename, root .. "/in/d/f", root .. "/in/g")
      kind(fs.rename, root .. "/in/f", root .. "/in/d/g")
      kind(fs.copy, root .. "/in/l", root .. "/in/g")
      kind(fs.mkdir, root .. "/in/d/x/y", { parents = true })
      kind(fs.symlink, "../out/f", root .. "/in/n")
      kind(fs.symlink, "/etc/passwd", root .. "/in/n")
      kind(fs.watch, root .. "/in/d")
      print(#fs.readlink(root .. "/in/l"), fs.lstat(root .. "/in/l").type)
      fs.remove(root .. "/in/d", { recursive = true })
    ]])
    assert.are.equal(("permission\n"):rep(13) .. "8\tlink", output)
    assert.are.equal("secret\n", fs.read_file(root.path .. "/out/f"))
    assert.are.same({ "f" }, fs.list(root.path .. "/out"))
  end)

  it("no link is made that another link, or moving it, would have lead outside", function()
    local root <close> = tree()
    local output = say(root.path, { "read", "write" }, [[
      fs.mkdir(root .. "/in/a/b", { parents = true })
      fs.symlink(root .. "/in", root .. "/in/a/b/up")
      try(fs.symlink, "../../out/f", root .. "/in/a/b/up/x")
      try(fs.symlink, root .. "/in/a/b/up/../out/f", root .. "/in/y")
      try(fs.symlink, "../../f", root .. "/in/a/b/z")
      try(fs.symlink, "..", root .. "/in/a/z")
    ]])
    assert.are.equal(("permission all\n"):rep(4):sub(1, -2), output)
  end)

  it("what is allowed works", function()
    local root <close> = tree()
    local output = say(root.path, { "read", "write" }, [[
      fs.mkdir(root .. "/in/a/b/c", { parents = true })
      fs.write_file(root .. "/in/a/b/c/f", "1", { atomic = true })
      fs.copy(root .. "/in/a/b/c/f", root .. "/in/a/g")
      fs.rename(root .. "/in/a/g", root .. "/in/g")
      fs.symlink("g", root .. "/in/s")
      print(fs.read_file(root .. "/in/s"))
      fs.remove(root .. "/in/a", { recursive = true })
      print(table.concat(fs.list(root .. "/in"), " "))
      local temporary <close> = fs.temp_dir(root .. "/in")
    ]])
    assert.are.equal("1\nd f g l s", output)
  end)
end)
