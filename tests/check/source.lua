--- What the checks share: finding sources, reading them without comments, reporting.

local source = {}

local violations = 0

--- Print one violation in the form editors understand.
function source.report(path, line, message, ...)
  violations = violations + 1
  print(("%s:%d: " .. message):format(path, line, ...))
end

--- Say how it went and leave.
function source.finish(what)
  print(("%s: %d violations"):format(what, violations))
  os.exit(violations == 0)
end

--- Sorted paths below the directories whose names end as `pattern` (of find) says.
function source.find(dirs, pattern)
  local found = io.popen(("find %s -type f -name '%s' 2>/dev/null"):format(dirs, pattern))
  local paths = {}
  for path in found:lines() do paths[#paths + 1] = path end
  found:close()
  table.sort(paths)
  return paths
end

function source.exists(path)
  local file <close> = io.open(path)
  return file ~= nil
end

function source.read(path)
  local file <close> = assert(io.open(path))
  return file:read("a")
end

--- "core/lull.h" -> "lull", "h"; of other files without the folder, too
function source.stem(path)
  return path:match("([^/]+)%.(%w+)$")
end

--- Iterate over the lines of a text: number, line.
function source.lines(text)
  local number, next_line = 0, text:gmatch("([^\n]*)\n?")
  return function()
    local line = next_line()
    number = number + 1
    if line then return number, line end
  end
end

--- C text without comments, its lines kept; without string contents, too, unless `keep`.
function source.code(text, keep)
  local function blank(part) return (part:gsub("[^\n]", " ")) end
  local out, at = {}, 1
  while true do
    local start = text:find("[/\"']", at)
    if not start then break end
    out[#out + 1] = text:sub(at, start - 1)
    local two, one = text:sub(start, start + 1), text:sub(start, start)
    local stop
    if two == "/*" then
      stop = select(2, text:find("*/", start + 2, true)) or #text
      out[#out + 1] = blank(text:sub(start, stop))
    elseif two == "//" then
      stop = (text:find("\n", start, true) or #text + 1) - 1
      out[#out + 1] = blank(text:sub(start, stop))
    elseif one == "/" then
      stop = start
      out[#out + 1] = one
    else
      stop = start
      repeat -- to the next quote that no backslash escapes
        stop = text:find("[\\" .. one .. "]", stop + 1) or #text
        local escape = text:sub(stop, stop) == "\\"
        if escape then stop = stop + 1 end
      until not escape
      local part = text:sub(start, stop)
      local is_include = text:sub(1, start - 1):match("[^\n]*$"):match("^%s*#%s*include")
      out[#out + 1] = (keep or is_include) and part or one .. blank(part:sub(2, -2)) .. one
    end
    at = stop + 1
  end
  out[#out + 1] = text:sub(at)
  return table.concat(out)
end

return source
