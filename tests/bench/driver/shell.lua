--- driver.shell: running programs and reading the one line they print.
local shell = {}

--- One word for sh.
---@param word string|number
---@return string
function shell.quote(word)
  word = tostring(word)
  if word:find("^[%w_./=-]+$") then
    return word
  end
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

--- Words joined to a command line.
---@param ... string|number
---@return string
function shell.words(...)
  local words <const> = { ... }
  for i, word in ipairs(words) do
    words[i] = shell.quote(word)
  end
  return table.concat(words, " ")
end

--- What a command prints, without the last newline; nil when it fails.
---@param command string
---@return string?
function shell.output(command)
  local pipe <const> = assert(io.popen(command .. " 2>/dev/null"))
  local text <const> = pipe:read("a")
  return pipe:close() and (text:gsub("\n$", "")) or nil
end

---@param command string
---@return boolean
function shell.succeeds(command)
  return os.execute(command .. " >/dev/null 2>&1 </dev/null") == true
end

local function last_line(path)
  local last = "no message"
  local file <const> = io.open(path)
  if file then
    for line in file:lines() do
      last = line:find("%S") and line or last
    end
    file:close()
  end
  return last:sub(1, 160)
end

--- Runs a program that prints "key=number key=number ...".
---@param command string
---@param scratch string   file for its standard error
---@param limit number     seconds until it is killed
---@return table<string, number>?, string?   fields, or nil and the reason
function shell.sample(command, scratch, limit)
  local pipe <const> = assert(io.popen(("timeout --foreground -k 1 %d %s 2>%s </dev/null"):format(
    limit, command, shell.quote(scratch))))
  local text <const> = pipe:read("a")
  local ok <const>, _, code <const> = pipe:close()
  if not ok then
    return nil, code == 124 and ("took over %d s"):format(limit) or last_line(scratch)
  end
  local fields <const> = {}
  for key, value in text:gmatch("(%a+)=([%d.e+-]+)") do
    fields[key] = tonumber(value)
  end
  if not fields.ns then
    return nil, "printed no measurement"
  end
  return fields
end

return shell
