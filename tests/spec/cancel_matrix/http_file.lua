--- The cancel matrix's rows of lull.http.file.native; tasks.lua says what is in a row.
---
--- Files that are made when they are read (/proc) always need a thread.

local lull = require "lull"
local native = require "lull.http.file.native"

return function(support)
  local assert = support.assert or assert -- busted's, in specs
  local COLUMNS <const> = {
    before = true, waiting = true, shielded = true, twice = true, closed = true, closing = true,
  }

  --- A stage around call(folder, file), which waits for `object` of the two.
  local function stage_of(call, which)
    return function()
      local folder = native.folder "/proc"
      local file = folder:open "stat"
      local object = which == "file" and file or folder
      return {
        wait = function(before)
          if before then before() end
          local result = assert(call(folder, file))
          if type(result) == "userdata" then result:close() end
        end,
        finish = function() lull.sleep(0.01) end,
        turns = true, -- it may be over any time
        usable = function() assert.is_truthy(call(folder, file)) end,
        close = function() object:close() end,
        over = function()
          file:close()
          folder:close()
        end,
      }
    end
  end

  return {
    { "open a file", "http.file.open", stage_of(function(folder)
      return folder:open "sys/kernel/osrelease"
    end), columns = COLUMNS },
    { "read a file", "http.file.read", stage_of(function(_, file)
      return file:read(0, 10)
    end, "file"), columns = COLUMNS },
    { "list a folder", "http.file.list", stage_of(function(folder)
      return folder:list "."
    end), columns = COLUMNS },
  }
end
