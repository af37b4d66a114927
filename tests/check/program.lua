--- Running programs for the checks: each gets a deadline.

local program = {}

local DEADLINE <const> = 150 -- seconds

--- A word of a shell command.
function program.quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

--- A shell command for a program and its arguments, with the deadline before it.
local function command(...)
  local words <const> = { "exec timeout --foreground --kill-after=5", tostring(DEADLINE) }
  for i = 1, select("#", ...) do words[#words + 1] = program.quote((select(i, ...))) end
  return table.concat(words, " ")
end

--- Close the pipe of a program; returns its exit code.
function program.ending(pipe)
  local _, how <const>, code <const> = pipe:close()
  return how == "exit" and code or how .. " " .. code
end

--- Run a program to its end; returns what it printed on both streams, and its exit code.
function program.run(...)
  return program.feed("/dev/null", ...)
end

--- The same with a file as its input.
function program.feed(input, ...)
  local pipe <const> = assert(io.popen(command(...) .. " 2>&1 <" .. program.quote(input)))
  local output <const> = pipe:read("a")
  return output, program.ending(pipe)
end

--- Start a program; returns the pipe of its output and its process id.
function program.start(...)
  local pipe <const> = assert(io.popen("echo $$; " .. command(...) .. " 2>&1 </dev/null"))
  return pipe, math.tointeger(tonumber(pipe:read("l")))
end

--- Ctrl-C; returns the rest of the output, and the exit code.
function program.interrupt(pipe, pid)
  os.execute("kill -INT " .. pid)
  local output <const> = pipe:read("a")
  return output, program.ending(pipe)
end

return program
