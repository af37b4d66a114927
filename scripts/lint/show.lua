--- lull.lint.show: findings as lines, or as JSON.
local color = require "lull.term.color"

local show = {}

local function styles()
  if color.detect(1) == 0 then return setmetatable({}, { __index = function() return tostring end }) end
  local function style(begin, stop)
    return function(text) return color.wrap(tostring(text), begin, stop) end
  end
  return { bold = style("1", "22"), dim = style("2", "22"), error = style("31", "39"), warning = style("33", "39") }
end

local function count_of(count, what)
  return ("%d %s%s"):format(count, what, count == 1 and "" or "s")
end

--- Lines "file:line:column: message (code)", and one that counts.
---@param findings lull.lint.Finding[]
---@param files integer    how many
---@param quiet? boolean   without the last line
---@return string
function show.text(findings, files, quiet)
  local style <const>, lines <const>, counts <const> = styles(), {}, { error = 0, warning = 0 }
  for _, each in ipairs(findings) do
    counts[each.severity] = counts[each.severity] + 1
    lines[#lines + 1] = ("%s %s %s\n"):format(
      style.bold(("%s:%d:%d:"):format(each.file, each.line, each.column)), each.message,
      style.dim("(" .. each.code .. ")"))
  end
  if not quiet then
    local function count(what)
      local text <const> = count_of(counts[what], what)
      return counts[what] > 0 and style[what](text) or text
    end
    lines[#lines + 1] = ("%s, %s in %s\n"):format(count "error", count "warning", count_of(files, "file"))
  end
  return table.concat(lines)
end

--- An array of objects.
---@param findings lull.lint.Finding[]
---@return string
function show.json(findings)
  local json <const> = require "lull.json"
  return json.encode(json.array(findings), { sort = true, indent = 2 }) .. "\n"
end

return show
