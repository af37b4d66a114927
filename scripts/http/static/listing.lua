--- lull.http.static.listing: a page of what is in a folder.
local listing = {}

local PAGE <const> = [[
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>%s</title></head>
<body><h1>%s</h1>
<ul>
%s</ul></body></html>
]]

local ENTITIES <const> = {
  ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;",
}

local function escape(text)
  return (text:gsub("[&<>\"']", ENTITIES))
end

local function percent(char)
  return ("%%%02X"):format(char:byte())
end

--- Folders first, then by name.
local function before(a, b)
  local a_is_folder <const>, b_is_folder <const> = a:sub(-1) == "/", b:sub(-1) == "/"
  if a_is_folder ~= b_is_folder then return a_is_folder end
  return a < b
end

--- The page.
---@param path string       the request's
---@param names string[]    those of folders end in a slash
---@param dotfiles boolean  show names that begin with a dot, too
---@return table response
function listing.response(path, names, dotfiles)
  local shown <const>, lines <const> = {}, {}
  for _, name in ipairs(names) do
    local is_dot <const> = name == "./" or name == "../"
    if not is_dot and (dotfiles or name:sub(1, 1) ~= ".") then shown[#shown + 1] = name end
  end
  table.sort(shown, before)
  if path ~= "/" then lines[1] = '<li><a href="../">../</a></li>\n' end
  for _, name in ipairs(shown) do
    -- "./": a name with a colon is no URL
    local link <const> = "./" .. name:gsub("[^%w._~/-]", percent)
    lines[#lines + 1] = ('<li><a href="%s">%s</a></li>\n'):format(link, escape(name))
  end
  local title <const> = escape(path)
  return {
    status = 200,
    headers = {
      ["content-type"] = "text/html; charset=utf-8",
      ["content-security-policy"] = "default-src 'none'",
      ["x-content-type-options"] = "nosniff",
      ["cache-control"] = "no-cache",
    },
    body = PAGE:format(title, title, table.concat(lines)),
  }
end

return listing
