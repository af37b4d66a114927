--- lull.bundle: what `lull bundle` has put into the program besides modules.
local lull = require "lull"
local native = require "lull.bundle.native"

local bundle = {}

--- Read what was put into the running program with --file.  Where the host offers nothing, as
--- when the script runs in plain lull, the file itself is read; then this suspends.
---@async
---@param name string  as it was given to --file
---@return string bytes  raises kind `io`, code ENOENT, when there is none
function bundle.read(name)
  if type(name) ~= "string" then
    error(("bad argument #1 to 'read' (string expected, got %s)"):format(type(name)), 2)
  end
  local bytes <const> = native.find("file:" .. name)
  if bytes then return bytes end
  if bytes == false then return require("lull.fs").read_file(name) end
  error(lull.new_error("io", ("'%s' is not in this program"):format(name), {
    code = "ENOENT", op = "bundle.read", path = name,
  }))
end

return bundle
