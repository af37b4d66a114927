--- Support for the specs of the program: a folder of scripts, and the program run in it.
local fs = require "lull.fs"
local lull = require "lull"
local process = require "lull.process"

local support = {}

local LONG <const> = 50 -- seconds: what takes this long has hung

--- The program, with its path from anywhere.
support.path = os.getenv "LULL" or (os.getenv "LULL_BUILD" or "build") .. "/lull"
if support.path:sub(1, 1) ~= "/" then
  support.path = process.run({ "pwd" }).stdout:gsub("\n$", "") .. "/" .. support.path
end

---@class Folder
---@field path string
local Folder <const> = {}
Folder.__index = Folder

--- A folder with files; a to-be-closed value.
function support.folder(files)
  local made <const> = fs.temp_dir()
  local self <const> = setmetatable({ path = made.path, made = made }, Folder)
  for name, text in pairs(files or {}) do self:write(name, text) end
  return self
end

--- Write a file as editors do: another one, renamed over it.
function Folder:write(name, text)
  fs.write_file(self.path .. "/" .. name, text, { atomic = true })
end

function Folder:__close()
  self.made:remove()
end

--- Run the program in the folder to its end: what it printed to both streams, and how it ended.
function Folder:run(arguments, opts)
  opts = opts or {}
  local result <const> = process.run({ support.path, table.unpack(arguments) }, {
    cwd = self.path, stderr = "stdout", timeout = LONG, env = opts.env, input = opts.input,
  })
  return result.stdout, result.code or result.signal
end

--- Start the program in the folder; both its streams are `stdout`.
function Folder:start(arguments, opts)
  opts = opts or {}
  return process.open({ support.path, table.unpack(arguments) }, {
    cwd = self.path, stderr = "stdout", stdin = "null", env = opts.env,
  })
end

--- Read lines of a program up to one with this text; returns it.
function support.line(program, text)
  local seen <const> = {}
  local function look()
    for line in program.stdout:lines() do
      if line:find(text, 1, true) then return line end
      seen[#seen + 1] = line
    end
  end
  local _, line = lull.move_on_after(LONG, look)
  if not line then error(("no line with %q in: %s"):format(text, table.concat(seen, "\n")), 2) end
  return line
end

return support
