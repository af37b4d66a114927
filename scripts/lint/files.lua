--- lull.lint.files: which files to look at.
local fs = require "lull.fs"
local lull = require "lull"

local files = {}

--- Is it a folder to look into?  Hidden ones are not; nor are links, which nobody follows.
local function enter(path)
  return path:match "[^/]*$":sub(1, 1) ~= "."
end

--- The scripts below a folder, sorted.
local function walk(folder, problems)
  local found <const> = {}
  local opts <const> = { enter = enter, on_error = function(err) problems[#problems + 1] = err.message end }
  for path, stat in fs.walk(folder, opts) do
    if stat.type == "file" and path:find "[^/]%.lua$" and not path:find "/%.[^/]*$" then
      found[#found + 1] = folder == "." and path:gsub("^%./", "") or path
    end
  end
  table.sort(found)
  return found
end

--- The files that paths mean: themselves, and all scripts in folders.
---@async
---@param paths string[]
---@return string[] files     each once
---@return string[] problems  what could not be read
function files.collect(paths)
  local found <const>, seen <const>, problems <const> = {}, {}, {}
  for _, path in ipairs(paths) do
    local ok <const>, stat <const> = pcall(fs.stat, path)
    if not ok and not lull.is_error(stat) then error(stat, 0) end
    local list = { path }
    if not ok then
      problems[#problems + 1] = stat.message
      list = {}
    elseif stat.type == "directory" then
      list = walk(path:match "^(.-)/*$" ~= "" and path:match "^(.-)/*$" or "/", problems)
    end
    for _, each in ipairs(list) do
      if not seen[each] then found[#found + 1] = each end
      seen[each] = true
    end
  end
  return found, problems
end

return files
