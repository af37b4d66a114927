--- fs_tree_spec.lua: a tree of 100,000 files: written, listed, walked, read, watched, removed.

local fs = require "lull.fs"
local lull = require "lull"
local here <const> = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local support <const> = dofile(here .. "support_fs.lua")

local FOLDERS <const>, FILES <const> = 100, 1000 -- in each

--- One folder for all of it, removed by the last test; in memory, where there is such a place.
local root

local function folder(i)
  return ("%s/%d"):format(root.path, i)
end

local function numbers(count)
  local list <const> = {}
  for i = 1, count do list[i] = i end
  return list
end

describe("a tree of 100,000 files", function()
  it("is written", function()
    root = fs.temp_dir(fs.exists "/dev/shm" and "/dev/shm" or nil)
    lull.map(numbers(FOLDERS), function(i)
      fs.mkdir(folder(i))
      for k = 1, FILES do fs.write_file(folder(i) .. "/" .. k, tostring(k)) end
    end, { limit = 8 })
    assert.are.equal(tostring(FOLDERS * FILES), support.sh("find '%s' -type f | wc -l", root.path))
  end)

  it("is listed", function()
    local lists <const> = lull.map(numbers(FOLDERS), function(i) return fs.list(folder(i)) end)
    for _, names in ipairs(lists) do
      assert.are.equal(FILES, #names)
      assert.are.same({ "1", "10", "100", "1000" }, { table.unpack(names, 1, 4) })
    end
  end)

  it("is walked", function()
    local files, bytes = 0, 0
    for _, stat in fs.walk(root.path) do
      if stat.type == "file" then files, bytes = files + 1, bytes + stat.size end
    end
    assert.are.same({ FOLDERS * FILES, FOLDERS * 2893 }, { files, bytes })
  end)

  it("is read, all files at once", function()
    local paths <const> = {}
    for i = 1, FOLDERS do
      for k = 1, FILES do paths[#paths + 1] = folder(i) .. "/" .. k end
    end
    local contents <const> = lull.map(paths, function(path) return fs.read_file(path) end)
    for i, text in ipairs(contents) do assert(text == tostring((i - 1) % FILES + 1)) end
  end)

  it("is watched: what changes anywhere is told, and when too much did", function()
    local watch <close> = fs.watch(root.path, { recursive = true })
    fs.write_file(folder(77) .. "/500", "changed")
    assert.are.same({ path = folder(77) .. "/500", kind = "changed" }, watch:next())
    local limit <const> = tonumber(support.sh "cat /proc/sys/fs/inotify/max_queued_events")
    if limit > FOLDERS * FILES then return pending "the system keeps too many events" end
    support.sh("find '%s' -type f | xargs touch -c -d now; find '%s' -type f | xargs truncate -s 1", root.path, root.path)
    local found = false
    for event in watch do
      found = event.kind == "overflow"
      if found then break end
    end
    assert.is_true(found)
    watch:close()
  end)

  it("is removed", function()
    fs.remove(root.path, { recursive = true })
    assert.is_false(fs.exists(root.path))
  end)
end)
