--- For specs of `lull test`: small projects in folders of their own.
local fs = require "lull.fs"
local process = require "lull.process"

local program = os.getenv "LULL_BUILD"
program = program and program .. "/lull" or os.getenv "LULL" or "build/lull"
if program:sub(1, 1) ~= "/" then program = fs.readlink "/proc/self/cwd" .. "/" .. program end

local Project = {}
Project.__index = Project
Project.program = program

--- Write a file below the folder.
function Project:write(name, text)
  local folder <const> = name:match "^(.*)/"
  if folder then fs.mkdir(self.path .. "/" .. folder, { parents = true }) end
  fs.write_file(self.path .. "/" .. name, text)
end

function Project:read(name)
  return fs.read_file(self.path .. "/" .. name)
end

--- Run `lull test` there with these arguments; what it printed (errors, too), its exit code, and
--- its last line.
function Project:test(...)
  local result <const> = process.run({ program, "test", ... },
    { cwd = self.path, stderr = "stdout", timeout = 60 })
  return result.stdout, result.code, result.stdout:match "([^\n]*)\n$"
end

--- The same; raises unless it ends with this line.
function Project:ends(closing, ...)
  local output <const>, _, last <const> = self:test(...)
  if last ~= closing then
    error(("expected '%s', got:\n%s"):format(closing, output), 2)
  end
  return output
end

--- The same with a time limit for each test, and with ten times that where the machine holds up
--- what is fast; returns the limit as well.
function Project:ends_within(seconds, closing, ...)
  local ok <const>, output <const> = pcall(self.ends, self, closing, ("--timeout=%g"):format(seconds), ...)
  if ok then return output, seconds end
  return self:ends(closing, ("--timeout=%g"):format(10 * seconds), ...), 10 * seconds
end

local runner = {}

--- A new folder; a to-be-closed value.
function runner.project()
  local folder <const> = fs.temp_dir()
  return setmetatable({ path = folder.path, folder = folder },
    { __index = Project, __close = function() folder:remove() end })
end

--- Raise unless a text has a part.
function runner.contains(text, part)
  if not text:find(part, 1, true) then error(("'%s' is missing in:\n%s"):format(part, text), 2) end
end

function runner.lacks(text, part)
  if text:find(part, 1, true) then error(("'%s' is in:\n%s"):format(part, text), 2) end
end

return runner
