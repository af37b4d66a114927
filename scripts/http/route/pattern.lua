--- lull.http.route.pattern: what a route's pattern says, and how patterns relate.
---
--- A pattern is a path whose segments are literals, parameters (":name": one segment, not empty)
--- or, at the end, a wildcard ("*name": the rest of the path, slashes and an empty rest included).
--- Paths are compared as the request's `path` has them: decoded, dot segments resolved.
local pattern = {}

---@class lull.http.Pattern
---@field text string        as it was written
---@field segments string[]  literals as they are, ":" for a parameter, "*" for the wildcard
---@field names string[]     of the parameters and the wildcard, in order
---@field plain boolean      literals only

local NAME <const> = "^[%a_][%w_]*$"

--- Read one segment: what it is, and its name.
local function read_segment(segment, is_last)
  local first <const> = segment:sub(1, 1)
  if first ~= ":" and first ~= "*" then
    if segment == "." or segment == ".." then return nil, "dot segments never match" end
    if segment:find("[{}]") then -- no path of a URL has them: it is another router's parameter
      return nil, ("a parameter is written ':%s'"):format(segment:match("{([%a_][%w_]*)") or "name")
    end
    return segment
  end
  local name <const> = segment:sub(2)
  if not name:find(NAME) then
    return nil, first == ":" and "a parameter is ':' and a name" or "a wildcard is '*' and a name"
  elseif first == "*" and not is_last then
    return nil, "a wildcard can only be the last segment"
  end
  return first, name
end

--- Read a pattern.
---@param text string
---@return lull.http.Pattern?
---@return string? why  not
function pattern.read(text)
  if text:sub(1, 1) ~= "/" then return nil, "a path begins with '/'" end
  if text:find("[?#%z]") then return nil, "a path has no '?', '#' or zero byte" end
  local segments <const>, names <const>, seen <const> = {}, {}, {}
  local rest <const> = text:sub(2)
  for segment, slash in (rest .. "/"):gmatch("([^/]*)()/") do
    local kind <const>, name <const> = read_segment(segment, slash > #rest)
    if not kind then return nil, ("%s: '%s'"):format(name, segment) end
    if name then
      if seen[name] then return nil, ("the name '%s' is there twice"):format(name) end
      seen[name] = true
      names[#names + 1] = name
    end
    segments[#segments + 1] = kind
  end
  return { text = text, segments = segments, names = names, plain = #names == 0 }
end

--- Read a prefix: a pattern without a wildcard, its last slash left away.  "/" is the empty
--- prefix, which has no segments.
---@param text string
---@return lull.http.Pattern?
---@return string? why  not
function pattern.read_prefix(text)
  local whole <const> = text:gsub("/$", "")
  if text == "/" then return { text = "", segments = {}, names = {}, plain = true } end
  local read <const>, why <const> = pattern.read(whole)
  if read and read.segments[#read.segments] == "*" then
    return nil, "a prefix has no wildcard"
  end
  return read, why
end

--- The pattern below a prefix.
---@param prefix lull.http.Pattern
---@param below lull.http.Pattern
---@return lull.http.Pattern
function pattern.join(prefix, below)
  if #prefix.segments == 0 then return below end
  local segments <const> = table.move(prefix.segments, 1, #prefix.segments, 1, {})
  local names <const> = table.move(prefix.names, 1, #prefix.names, 1, {})
  return {
    text = prefix.text .. below.text,
    segments = table.move(below.segments, 1, #below.segments, #segments + 1, segments),
    names = table.move(below.names, 1, #below.names, #names + 1, names),
    plain = prefix.plain and below.plain,
  }
end

--- What two patterns have in common if they match the same paths.
---@param read lull.http.Pattern
---@return string
function pattern.shape(read)
  return "/" .. table.concat(read.segments, "/")
end

--- Are the paths of a pattern under a prefix: true, false, or nil: that depends on the path?
---@param prefix lull.http.Pattern
---@param read lull.http.Pattern
---@return boolean?
function pattern.covers(prefix, read)
  local certain = true
  for i, wanted in ipairs(prefix.segments) do
    local segment <const> = read.segments[i]
    if segment == nil then return false end
    if segment == "*" then return nil end
    local both_literal <const> = wanted ~= ":" and segment ~= ":"
    if both_literal and wanted ~= segment or wanted == ":" and segment == "" then return false end
    if wanted ~= ":" and segment == ":" then certain = nil end
  end
  return certain
end

--- A function that tells whether a path is the prefix or lies below it.
---@param prefix lull.http.Pattern
---@return fun(path: string): boolean
function pattern.tester(prefix)
  local parts <const> = {}
  for i, segment in ipairs(prefix.segments) do
    parts[i] = segment == ":" and "/[^/]+" or "/" .. segment:gsub("%W", "%%%0")
  end
  local exact <const> = "^" .. table.concat(parts)
  local below <const> = exact .. "/"
  local whole <const> = exact .. "$"
  return function(path) return path:find(below) ~= nil or path:find(whole) ~= nil end
end

return pattern
