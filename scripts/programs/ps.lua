--- lull.programs.ps: `lull ps`.
local find = require "lull.programs.find"
local unknown = require "lull.program.unknown"

local USAGE <const> = [[
usage: lull ps

List the lull programs of this user that run, those made by lull bundle among them: their
process, how long they run, the CPU time and memory that they use, and how they were
started.  `lull tree PID` shows the tasks of one.
]]

local ps = {}

--- The command.
---@async
---@param ... string  its arguments
function ps.main(...)
  local argument <const> = ...
  if argument == "-h" or argument == "--help" then
    io.write(USAGE)
  elseif argument then
    local is_option <const> = argument:find "^%-" ~= nil
    io.stderr:write("lull ps: ", is_option and unknown("lull ps", argument, { ["--help"] = true })
      or ("no arguments, please: '%s'"):format(argument), "\n")
    os.exit(1)
  else
    local ok <const>, programs <const> = pcall(find.all)
    if not ok then
      io.stderr:write("lull ps: ", tostring(programs), "\n")
      os.exit(1)
    end
    io.write(find.format(programs))
  end
end

return ps
