--- Give the lines of a file to a prompt, and print what it shows there, but for the prompts.

local repl = require "lull.repl"

local lines <const> = {}
for line in io.lines(arg[1]) do lines[#lines + 1] = line .. "\n" end

local terminal <const> = { dumb = true }

function terminal.read_some() return table.remove(lines, 1) end
function terminal.size() return 80, 24 end
function terminal.wait_resize() return nil end
function terminal.write(_, text)
  io.write((text:gsub("^> $", ""):gsub("\r\n", "\n")))
end

repl.start { terminal = terminal }
