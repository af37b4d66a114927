--- The cancel matrix's rows of lull.fs; tasks.lua says what is in a row.
---
--- Everything needs a thread, and may be over any time.  What changes something cannot be taken
--- back once a thread has begun it: these rows only say that nothing is left over.

local fs = require "lull.fs"
local lull = require "lull"
local native = require "lull.fs.native"

return function(support)
  local assert = support.assert or assert -- busted's, in specs
  local READS <const> = { before = true, waiting = true, shielded = true, twice = true }
  local CHANGES <const> = { before = true, shielded = true }

  local made = 0

  --- A folder; of a name that is used again, for programs that are ended cannot remove it.
  local function new_folder()
    made = made + 1
    local path <const> = ("%s/fs-matrix/%d"):format(os.getenv "LULL_BUILD" or "build", made)
    local function remove() fs.remove(path, { recursive = true, missing = true }) end
    remove()
    fs.mkdir(path, { parents = true })
    return { path = path, remove = remove }
  end

  --- A stage around call(path), on a folder with a file "f" and a link "l".
  local function stage_of(call)
    return function()
      local folder = new_folder()
      fs.write_file(folder.path .. "/f", "text")
      fs.symlink("f", folder.path .. "/l")
      local count = 0
      local function again()
        count = count + 1
        return call(folder.path, count)
      end
      return {
        wait = function(before)
          if before then before() end
          again()
        end,
        finish = function() lull.sleep(0.01) end,
        turns = true, -- it may be over any time
        usable = function() again() end,
        over = function()
          folder:remove()
          assert.is_false(fs.exists(folder.path))
        end,
      }
    end
  end

  --- A stage around call(file, n), on an open file of some lines.
  local function stage_of_file(call, mode, opts)
    return function()
      local folder = new_folder()
      fs.write_file(folder.path .. "/f", ("line\n"):rep(100000))
      local file, count = fs.open(folder.path .. "/f", mode or "r+", opts), 0
      local function again()
        count = count + 1
        return call(file, count)
      end
      return {
        wait = function(before)
          if before then before() end
          again()
        end,
        finish = function() lull.sleep(0.01) end,
        turns = true, -- it may be over any time
        alone = true,
        usable = function() again() end,
        close = function() file:close() end,
        over = function()
          file:close()
          folder:remove()
        end,
      }
    end
  end

  --- Read so that a job is always needed.
  local function read(file)
    file:seek("set", 0)
    assert(#file:read(400000) == 400000)
  end
  local ON_FILES <const> = { before = true, shielded = true }
  local FILE_READS <const> = { before = true, waiting = true, shielded = true, closed = true, closing = true }

  return {
    { "open a file, to read", "fs.open", stage_of(function(path) fs.open(path .. "/f"):close() end),
      columns = READS },
    { "open a file, to write", "fs.open", stage_of(function(path) fs.open(path .. "/f", "w"):close() end),
      columns = CHANGES },
    { "read from a file", "fs.file.read", stage_of_file(read), columns = FILE_READS },
    { "write to a file", "fs.file.write", stage_of_file(function(file) file:write "x" end), columns = ON_FILES },
    { "write to a file whose queue is full", "fs.file.write", stage_of_file(function(file)
      for _ = 1, 3 do file:write(("x"):rep(100000)) end
    end, "a", { high_water = 1 }), columns = ON_FILES },
    { "flush a file", "fs.file.flush", stage_of_file(function(file) file:write("x"):flush() end, "a"),
      columns = ON_FILES },
    { "close a file", "fs.file.close", stage_of(function(path, n)
      local file <close> = fs.open(path .. "/c" .. n, "w")
      file:write "x"
      file:close()
    end), columns = CHANGES },
    { "sync a file", "fs.file.sync", stage_of_file(function(file) file:sync() end), columns = ON_FILES },
    { "truncate a file", "fs.file.truncate", stage_of_file(function(file) file:truncate(9) end), columns = ON_FILES },
    { "seek from the end of a file", "fs.file.seek", stage_of_file(function(file) file:seek("end", 0) end),
      columns = ON_FILES },
    { "stat an open file", "fs.file.stat", stage_of_file(function(file) file:stat() end), columns = ON_FILES },
    { "open a folder", "fs.walk", stage_of(function(path) native.folder(path, 0):close() end), columns = READS },
    { "read a folder in batches", "fs.walk.next", stage_of(function(path)
      local count = 0
      for _ in fs.walk(path) do count = count + 1 end
      assert(count == 2)
    end), columns = { before = true, waiting = true, shielded = true } },
    { "watch a folder", "fs.watch", stage_of(function(path) fs.watch(path):close() end), columns = READS },
    { "wait for what happens", "fs.watch.next", function()
      local folder = new_folder()
      local watch = fs.watch(folder.path, { delay = 0 })
      local count = 0
      local function make()
        count = count + 1
        fs.write_file(folder.path .. "/" .. count, "")
      end
      return {
        wait = function(before)
          if before then before() end
          watch:next()
        end,
        finish = make,
        alone = true,
        usable = function()
          make()
          watch:next()
        end,
        close = function() watch.native:close() end,
        over = function()
          watch:close()
          folder:remove()
        end,
      }
    end },
    { "read a whole file", "fs.read_file", stage_of(function(path) fs.read_file(path .. "/f") end), columns = READS },
    { "write a file", "fs.write_file", stage_of(function(path, n)
      fs.write_file(path .. "/w" .. n, "text")
    end), columns = CHANGES },
    { "write a file, all or nothing", "fs.write_file", stage_of(function(path)
      fs.write_file(path .. "/f", "new", { atomic = true })
    end), columns = CHANGES },
    { "stat", "fs.stat", stage_of(function(path) fs.stat(path .. "/f") end), columns = READS },
    { "list", "fs.list", stage_of(function(path) fs.list(path) end), columns = READS },
    { "mkdir", "fs.mkdir", stage_of(function(path, n)
      fs.mkdir(path .. "/a" .. n .. "/b", { parents = true })
    end), columns = CHANGES },
    { "remove", "fs.remove", stage_of(function(path)
      fs.remove(path .. "/f", { missing = true })
    end), columns = CHANGES },
    { "rename", "fs.rename", stage_of(function(path, n)
      local from <const> = n % 2 == 1 and "/f" or "/g"
      pcall(fs.rename, path .. from, path .. (from == "/f" and "/g" or "/f"))
    end), columns = { before = true } },
    { "copy", "fs.copy", stage_of(function(path, n) fs.copy(path .. "/f", path .. "/c" .. n) end),
      columns = CHANGES },
    { "temp_dir", "fs.temp_dir", stage_of(function(path) fs.temp_dir(path) end), columns = CHANGES },
    { "symlink", "fs.symlink", stage_of(function(path, n) fs.symlink("f", path .. "/s" .. n) end),
      columns = CHANGES },
    { "readlink", "fs.readlink", stage_of(function(path) fs.readlink(path .. "/l") end), columns = READS },
    { "chmod", "fs.chmod", stage_of(function(path) fs.chmod(path .. "/f", "600") end), columns = CHANGES },
  }
end
