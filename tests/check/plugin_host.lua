--- What examples/plugin_host answers for plugins that are well, and for those that are not.

local program <const> = require "program"
local run <const>, start <const>, interrupt <const> = program.run, program.start, program.interrupt

local plugins <const> = {
  hello = 'local lull = require "lull" function handle(text) lull.sleep(0.01) return "hello, " .. text end',
  greedy = 'function handle() local t = {} for i = 1, math.huge do t[i] = ("x"):rep(1000) .. i end end',
  runaway = 'function handle() while true do pcall(error) end end',
  crashing = 'function handle() local nothing return nothing.at_all end',
}

--- Asks every plugin at once; then hello alone, until it answers anew.
local plugin_client <const> = [[
local lull, net = require "lull", require "lull.net"
local function ask(question)
  local socket <close> = net.udp{}
  for _ = 1, 100 do
    socket:send(question, "127.0.0.1", port)
    local there, answer = lull.move_on_after(2, socket.recv, socket)
    if there and not answer:find "call a nil" then return answer end
    lull.sleep(0.05)
  end
  return "no answer"
end
local names = { "hello", "greedy", "runaway", "crashing" }
for i, answer in ipairs(lull.map(names, function(name) return ask(dir .. "/" .. name .. ".lua world") end)) do
  print(names[i], answer)
end
local file <close> = io.open(dir .. "/hello.lua", "w")
file:write 'function handle(text) return "good morning, " .. text end'
file:close()
local answer
repeat answer = ask(dir .. "/hello.lua world") until answer ~= "hello, world"
print(answer)
]]

--- Run it, and have every plugin asked.
return function(lull, path, expect_text)
  local dir <const> = run("mktemp", "-d"):gsub("\n$", "")
  local files <const> = {}
  for name, source in pairs(plugins) do
    files[#files + 1] = dir .. "/" .. name .. ".lua"
    local file <close> = assert(io.open(files[#files], "w"))
    file:write(source)
  end
  local port <const> = run(lull, "-e", "print(require('lull.net').udp{port = 0}.port)"):match "%d+"
  local host <const>, pid <const> = start(path, port, table.unpack(files))
  local output <const> = run(lull, "-e", ("local port, dir = %s, %q\n"):format(port, dir) .. plugin_client)
  interrupt(host, pid)
  run("rm", "-r", dir)
  expect_text("plugin_host", (output:gsub("/[^ ]*/", "")), [[
hello	hello, world
greedy	not enough memory
runaway	limit: kill: killed: its call has run for as long as it may
crashing	crashing.lua:1: attempt to index a nil value (local 'nothing')
good morning, world
]])
end
