--- fs_walk_spec.lua: all that is below a folder.

local fs = require "lull.fs"
local lull = require "lull"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_fs.lua")
local fails, folder, sh = support.fails, support.folder, support.sh

--- The paths below, sorted, and their types.
local function walked(path, opts)
  local seen = {}
  for each, stat in fs.walk(path, opts) do seen[#seen + 1] = each:sub(#path + 1) .. ":" .. stat.type end
  table.sort(seen)
  return seen
end

describe("walk", function()
  it("visits all that is below", function()
    local root <close> = folder()
    sh("cd '%s' && mkdir -p a/b/c d && touch f a/g a/b/c/h && ln -s a l", root.path)
    assert.are.same({
      "/a/b/c/h:file", "/a/b/c:directory", "/a/b:directory", "/a/g:file", "/a:directory", "/d:directory",
      "/f:file", "/l:link",
    }, walked(root.path))
    assert.are.same({}, walked(root.path .. "/d"))
    assert.are.same({ "b/c/h:file", "b/c:directory", "b:directory", "g:file" }, walked(root.path .. "/a/"))
  end)

  it("visits folders before what is in them", function()
    local root <close> = folder()
    sh("cd '%s' && mkdir -p a/b/c/d e/f/g", root.path)
    local seen = { [root.path] = true }
    for path in fs.walk(root.path) do
      assert.is_true(seen[path:match "^(.*)/"])
      seen[path] = true
    end
  end)

  it("enters only what it is told to", function()
    local root <close> = folder()
    sh("cd '%s' && mkdir -p a/x b/y", root.path)
    local function enter(path) return path:match "[^/]+$" ~= "a" end
    assert.are.same({ "/a:directory", "/b/y:directory", "/b:directory" }, walked(root.path, { enter = enter }))
  end)

  it("raises for its root, and misses what goes meanwhile", function()
    local root <close> = folder()
    sh("cd '%s' && mkdir a b && touch f", root.path)
    fails("ENOENT", root.path .. "/no", "fs.walk", fs.walk, root.path .. "/no")
    fails("ENOTDIR", root.path .. "/f", "fs.walk", fs.walk, root.path .. "/f")
    local count = 0
    for path, stat in fs.walk(root.path) do
      if stat.type == "directory" then fs.remove(path) end
      count = count + 1
    end
    assert.are.equal(3, count)
  end)

  it("can be left, and is closed then", function()
    local root <close> = folder()
    sh("cd '%s' && touch a b c", root.path)
    local before = #fs.list "/proc/self/fd"
    for _ = 1, 20 do
      for path in fs.walk(root.path) do if path then break end end
    end
    collectgarbage()
    assert.are.equal(before, #fs.list "/proc/self/fd")
  end)

  it("takes a tree of 100,000 files, while others run", function()
    local root <close> = folder()
    sh("cd '%s' && mkdir d e && seq -f d/%%g 99000 | xargs touch && seq -f e/%%g 1000 | xargs touch", root.path)
    local beats = 0
    local beat = lull.every(0.001, function() beats = beats + 1 end)
    local count = 0
    for _ in fs.walk(root.path) do count = count + 1 end
    beat:cancel()
    assert.are.equal(100002, count)
    assert.is_true(beats > 5)
  end)
end)
