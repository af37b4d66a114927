--- The examples about files, processes and signals: tail_logs, parallel_build, supervisor, wordcount.

local program = require "program"
local run <const>, start <const>, interrupt <const> = program.run, program.start, program.interrupt

--- A folder for the time of a call; the call is given its path.
local function in_folder(call, ...)
  local dir <const> = run("mktemp", "-d"):gsub("\n$", "")
  local _ <close> = setmetatable({}, { __close = function() run("rm", "-r", dir) end })
  call(dir, ...)
end

local function write(path, text, mode)
  local file <close> = assert(io.open(path, mode or "w"))
  file:write(text)
end

--- The next line of a program that is this; all before it is let go.  Fails the check at its end.
local function wait_for(pipe, pattern)
  local before <const> = {}
  for line in pipe:lines() do
    local found <const> = line:match("^" .. pattern .. "$")
    if found then return found, before end
    before[#before + 1] = line
  end
  error(("no line %s after\n%s"):format(pattern, table.concat(before, "\n")), 0)
end

local STAMP <const> = "%d+%-%d+%-%d+T%d+:%d+:%d+%.%d%d%dZ %u+ +"

local system = {}

function system.tail_logs(lull, expect_code)
  in_folder(function(dir)
    local app <const> = dir .. "/app.log"
    write(app, "old line\n")
    local tail <const>, pid <const> = start(lull, "examples/tail_logs.lua", dir)
    wait_for(tail, STAMP .. "watching .*")
    local seen <const> = {}
    --- Do something, and wait for the line that it leads to.
    local function step(expected, command, ...)
      assert(os.execute(("cd %s && " .. command):format(dir, ...)))
      local _, before <const> = wait_for(tail, (dir .. "/" .. expected):gsub("[-.]", "%%%0"))
      table.move(before, 1, #before, #seen + 1, seen)
    end
    step("app.log: one", "echo one >>app.log")
    step("app.log: two", "printf t >>app.log; echo wo >>app.log")
    step("new.log: first", "echo first >new.log")
    step("app.log: three", "mv app.log app.log.1; echo three >app.log")
    step("app.log.1: late", "echo late >>app.log.1")
    step("app.log: cut", ": >app.log; echo cut >>app.log")
    step("app.log: again", "rm app.log new.log; echo again >app.log")
    step("app.log: over", "echo over >other; mv other app.log")
    step("below/deep.log: deep", "mkdir below && echo deep >below/deep.log")
    local rest <const>, code <const> = interrupt(tail, pid)
    expect_code("tail_logs", code, 130, rest)
    if #seen > 0 then error("tail_logs printed more:\n" .. table.concat(seen, "\n"), 0) end
  end)
end

--- `both` needs its two needs to be made at the same time.
local RULES <const> = [[
return {
  both = { needs = { "left", "right" }, run = "cat left right >both" },
  left = { needs = { "source" }, run = "cat fifo >left" },
  right = { needs = { "source" }, run = "cat source >fifo; cp source right" },
}
]]

function system.parallel_build(lull, expect_code, expect_line)
  in_folder(function(dir)
    local example <const> = run("realpath", "examples/parallel_build.lua"):gsub("\n$", "")
    local program_path <const> = run("realpath", lull):gsub("\n$", "")
    local function build(what, expected, ...)
      local output <const>, code <const> =
        run("sh", "-c", 'cd "$0" && exec "$@"', dir, program_path, example, ...)
      expect_code("parallel_build: " .. what, code, expected, output)
      return output
    end
    write(dir .. "/rules.lua", RULES)
    write(dir .. "/source", "text\n")
    run("mkfifo", dir .. "/fifo")
    local output = build("all", 0, "rules.lua", "2")
    expect_line("parallel_build", output, "3 of 3 commands were run, 0 failed")
    expect_line("parallel_build", output, "build: 100%% 3/3 in %d+%.%d s")
    expect_line("parallel_build", run("cat", dir .. "/both"), "text")
    expect_line("parallel_build", build("nothing", 0, "rules.lua"), "0 of 3 commands were run, 0 failed")
    run("touch", "-d", "+1 minute", dir .. "/right")
    expect_line("parallel_build", build("one", 0, "rules.lua", "1", "both"), "1 of 3 commands were run, 0 failed")

    write(dir .. "/bad.lua", [[return { top = { needs = { "bad" }, run = "touch top" },
      bad = { run = "echo the reason >&2; exit 3" } }]])
    output = build("failure", 1, "bad.lua")
    expect_line("parallel_build", output, "failed: bad")
    expect_line("parallel_build", output, "the reason")
    expect_line("parallel_build", output, "1 of 2 commands were run, 1 failed")
    write(dir .. "/circle.lua", [[return { a = { needs = { "b" }, run = "" }, b = { needs = { "a" }, run = "" } }]])
    expect_line("parallel_build", build("circle", 1, "circle.lua"), ".*a circle: a <%- b <%- a")
    write(dir .. "/none.lua", [[return { a = { needs = { "b" }, run = "" } }]])
    expect_line("parallel_build", build("nobody", 1, "none.lua"), ".*nobody makes a <%- b")
  end)
end

local STEADY <const> = "trap 'echo %s stops; exit 0' TERM; echo %s runs; while :; do sleep 0.02; done"

function system.supervisor(lull, expect_code, expect_line)
  in_folder(function(dir)
    local path <const> = dir .. "/programs.lua"
    local function programs(list)
      local lines <const> = {}
      for name, script in pairs(list) do lines[#lines + 1] = ("%s = { 'sh', '-c', %q }"):format(name, script) end
      write(path .. ".new", "return { " .. table.concat(lines, ", ") .. " }")
      assert(os.rename(path .. ".new", path))
    end
    programs { one = STEADY:format("one", "one"), flappy = "echo flap; exit 3",
      deaf = "trap '' TERM; while :; do sleep 0.02; done" }
    local supervisor <const>, pid <const> = start("env", "GRACE=0.2", lull, "examples/supervisor.lua", path)
    wait_for(supervisor, STAMP .. "ended code=3 pid=%d+ program=flappy")
    wait_for(supervisor, STAMP .. "ended code=3 pid=%d+ program=flappy")

    programs { one = STEADY:format("one", "one"), two = STEADY:format("two", "two"),
      deaf = "trap '' TERM; while :; do sleep 0.02; done" }
    os.execute("kill -HUP " .. pid)
    wait_for(supervisor, STAMP .. "signal name=HUP")
    local _, before <const> = wait_for(supervisor, "two runs")
    for _, bad in ipairs { "no Lua at all", "return nil", "return { one = 'no list' }" } do
      write(path, bad)
      os.execute("kill -HUP " .. pid)
      wait_for(supervisor, STAMP .. "cannot read " .. path:gsub("[-.]", "%%%0") .. ".*")
    end
    os.execute("kill -TERM " .. pid)
    local output <const> = supervisor:read "a"
    expect_code("supervisor", program.ending(supervisor), 0, output)
    for _, line in ipairs { "one stops", "two stops", STAMP .. "all are stopped",
      STAMP .. "ended pid=%d+ program=deaf signal=KILL" } do
      expect_line("supervisor", output, line)
    end
    if table.concat(before, "\n"):find "one stops" then error("what had not changed was stopped", 0) end
  end)
end

function system.wordcount(lull, expect_code, expect_line)
  in_folder(function(dir)
    for i = 1, 50 do
      assert(os.execute(("mkdir %s/%d"):format(dir, i)))
      for k = 1, 40 do write(("%s/%d/%d"):format(dir, i, k), "The word, the end\n") end
    end
    write(dir .. "/big", ("seventeenletters "):rep(20000) .. "the")
    local output <const>, code <const> = run(lull, "examples/wordcount.lua", dir)
    expect_code("wordcount", code, 0, output)
    for _, line in ipairs { "28001 words in 2001 files of 376003 bytes", "the +4001", "seventeenletters +20000",
      "word +2000", "end +2000", "counting: 100%% 2001/2001 files in %d+%.%d s" } do
      expect_line("wordcount", output, line)
    end
  end)
end

--- A host with a prompt: what it is given, what it calls, what it refuses.
function system.repl_host(host, expect_code, expect_text)
  in_folder(function(dir)
    write(dir .. "/lines", "temperature()\nheat(500)\nrepeat lull.sleep(0.01) until temperature() > 10\n"
      .. "temperature() > 10, string\nheat(5000)\n")
    local output <const>, code <const> = program.feed(dir .. "/lines", host)
    expect_code("repl_host", code, 0, output)
    expect_text("repl_host", output, [[
10.0
true	nil
stdin:1: bad argument #1 to 'heat' (0 to 2000 watts)
stack traceback:
	[C]: in function 'heat'
	stdin:1: in main chunk
]])
  end)
end

return system
