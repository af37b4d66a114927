--- lull.test.glob: names of files by pattern: * and ? within a name, ** across folders.
local glob = {}

--- The Lua pattern of a glob.
local function pattern_of(text)
  local pattern <const> = text:gsub("^%./", ""):gsub("/+$", ""):gsub("[%^%$%(%)%%%.%[%]%+%-]", "%%%0")
    :gsub("%*%*/", "\1"):gsub("%*%*", "\2"):gsub("%*", "[^/]*"):gsub("%?", "[^/]")
    :gsub("\2", ".*")
  return pattern
end

--- The ways in which a pattern may be read: each **/ may be no folder at all.
local function each_way(pattern, try)
  local first <const> = pattern:find("\1", 1, true)
  if not first then return try(pattern) end
  local before <const>, after <const> = pattern:sub(1, first - 1), pattern:sub(first + 1)
  return each_way(before .. after, try) or each_way(before .. ".*/" .. after, try)
end

--- Does one of the globs match a path, or a folder it is in?  Those without a slash match names
--- in any folder.
---@param globs string[]
---@param name string   a path without ./ in front
---@return boolean
function glob.any(globs, name)
  for _, text in ipairs(globs) do
    local subject <const> = text:find("/", 1, true) and name or "/" .. name .. "/"
    local anywhere <const> = subject ~= name
    local matches <const> = each_way(pattern_of(text), function(pattern)
      if anywhere then return subject:find("/" .. pattern .. "/") ~= nil end
      return name:find("^" .. pattern .. "$") ~= nil or name:find("^" .. pattern .. "/") ~= nil
    end)
    if matches then return true end
  end
  return false
end

return glob
