--- fs_watch_spec.lua: what happens to files and folders.

local fs = require "lull.fs"
local lull = require "lull"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_fs.lua")
local fails, folder, sh = support.fails, support.folder, support.sh

--- Expect these events: kind and path below the root, in any order; and no others for a while.
local function expect(events, watch, root)
  local seen = {}
  local function look()
    local event = watch:next()
    seen[#seen + 1] = event.kind .. " " .. event.path:sub(#root + 2)
  end
  for _ = 1, #events do
    if not lull.move_on_after(20, look) then break end
  end
  while lull.move_on_after(0.1, look) do end
  table.sort(seen)
  assert.are.same(events, seen)
end

describe("watch", function()
  it("tells what is made, changed and removed", function()
    local root <close> = folder()
    sh("cd '%s' && touch old gone", root.path)
    local watch <close> = fs.watch(root.path)
    sh("cd '%s' && touch new && echo x >> old && rm gone", root.path)
    expect({ "changed old", "created new", "removed gone" }, watch, root.path)
  end)

  it("makes one of several", function()
    local root <close> = folder()
    sh("cd '%s' && touch old", root.path)
    local watch <close> = fs.watch(root.path)
    sh("cd '%s' && for i in 1 2 3 4; do echo $i >> old; done; touch a && rm a; touch b && echo >> b", root.path)
    expect({ "changed old", "created b" }, watch, root.path)
  end)

  it("sees editors that rename over a file", function()
    local root <close> = folder()
    fs.write_file(root.path .. "/f", "one")
    local watch <close> = fs.watch(root.path .. "/f")
    for i = 1, 3 do
      fs.write_file(root.path .. "/f", tostring(i), { atomic = true })
      local event = watch:next()
      assert.are.same({ path = root.path .. "/f", kind = "changed" }, event)
    end
    fs.write_file(root.path .. "/other", "")
    fs.remove(root.path .. "/f")
    assert.are.same({ path = root.path .. "/f", kind = "removed" }, watch:next())
    fs.write_file(root.path .. "/f", "again")
    assert.are.same({ path = root.path .. "/f", kind = "created" }, watch:next())
  end)

  it("sees folders below, and those that come", function()
    local root <close> = folder()
    sh("cd '%s' && mkdir -p a/b", root.path)
    local watch <close> = fs.watch(root.path, { recursive = true })
    sh("cd '%s' && touch a/b/f && mkdir -p c/d/e && touch c/d/e/g", root.path)
    expect({ "created a/b/f", "created c", "created c/d", "created c/d/e", "created c/d/e/g" }, watch, root.path)
    sh("cd '%s' && touch c/d/e/h", root.path)
    expect({ "created c/d/e/h" }, watch, root.path)
    sh("cd '%s' && rm -r c", root.path)
    expect({ "removed c", "removed c/d", "removed c/d/e", "removed c/d/e/g", "removed c/d/e/h" }, watch, root.path)
  end)

  it("forgets folders that are moved away", function()
    local root <close> = folder()
    sh("cd '%s' && mkdir -p in/a out && touch in/a/f", root.path)
    local watch <close> = fs.watch(root.path .. "/in", { recursive = true })
    fs.rename(root.path .. "/in/a", root.path .. "/out/a")
    fs.write_file(root.path .. "/out/a/g", "")
    expect({ "removed a", "removed a/f" }, watch, root.path .. "/in")
    fs.rename(root.path .. "/out/a", root.path .. "/in/b")
    expect({ "created b", "created b/f", "created b/g" }, watch, root.path .. "/in")
  end)

  it("ends when what is watched is gone, and when the loop is left", function()
    local root <close> = folder()
    fs.mkdir(root.path .. "/d")
    local watch <close> = fs.watch(root.path .. "/d")
    fs.remove(root.path .. "/d")
    assert.are.same({ path = root.path .. "/d", kind = "removed" }, watch:next())
    assert.is_nil(watch:next())
    local before = #fs.list "/proc/self/fd"
    fs.write_file(root.path .. "/f", "")
    local toucher = lull.every(0.01, function() fs.write_file(root.path .. "/f", "x") end)
    for event in fs.watch(root.path) do
      if event then break end
    end
    toucher:cancel()
    toucher:join()
    assert.are.equal(before, #fs.list "/proc/self/fd")
  end)

  it("says when there was too much", function()
    local root <close> = folder()
    local limit = tonumber(sh "cat /proc/sys/fs/inotify/max_queued_events")
    if limit > 50000 then return pending "the system keeps too many events" end
    local watch <close> = fs.watch(root.path)
    sh("cd '%s' && seq %d | xargs touch", root.path, limit)
    local count, overflows = 0, 0
    lull.move_on_after(20, function()
      for event in watch do
        if event.kind == "overflow" then overflows = overflows + 1 else count = count + 1 end
        if overflows > 0 and count == limit then break end
      end
    end)
    assert.are.equal(limit, count)
    assert.is_true(overflows > 0)
  end)

  it("needs something to watch", function()
    local root <close> = folder()
    fails("ENOENT", root.path .. "/no", "fs.watch", fs.watch, root.path .. "/no")
    assert.has_error(function() fs.watch(root.path, { recurse = true }) end)
  end)
end)
