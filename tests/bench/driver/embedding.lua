--- driver.embedding: what lull costs the program that it is in.
local kinds = require "driver.kinds"

---@param name string
---@param title string
---@param commands table<string, string>   modes of yardstick/embed.c by contender
---@param least integer
---@param goals bench.Goal[]
local function embedding_measure(name, title, commands, least, goals)
  local who <const> = {}
  for _, contender in ipairs { "bare Lua", "lull", "lull sliced", "lull event" } do
    if commands[contender] then who[#who + 1] = contender end
  end
  return {
    name = "embed-" .. name,
    title = "embedding: " .. title,
    dir = "",
    base = commands["bare Lua"] and "bare Lua" or "lull",
    who = who,
    tools = { "embed" },
    kinds = { { "", kinds.embedded(least) } },
    commands = commands,
    goals = goals,
  }
end

---@type bench.Measure[]
return {
  embedding_measure("create", "create and free a runtime, and its memory",
    { ["bare Lua"] = "create-lua", lull = "create-lull" }, 1000, {
      { text = "<= 2 x a bare state with libraries", of = "lull", to = "bare Lua", max = 2 },
      { text = "<= 64 KB + 27 KB of memory", of = "lull", field = "rss", max = 91 * 1024 },
    }),
  embedding_measure("call", "a call of the host, against lua_pcall and a task",
    { ["bare Lua"] = "call-lua", lull = "call-lull" }, 20000, {
      { text = "<= 1.5 x", of = "lull", to = "bare Lua", max = 1.5 },
    }),
  embedding_measure("async", "a C function that suspends: a token, ended at once or by an event",
    { ["bare Lua"] = "async-bare", lull = "async-token", ["lull event"] = "async-event" }, 100000, {
      { text = "<= 250 ns more than a bare function", of = "lull", to = "bare Lua", plus = 250, max = 1 },
    }),
  embedding_measure("slices", "a script that computes, with slices on and never over",
    { lull = "compute", ["lull sliced"] = "compute-sliced" }, 2000, {
      { text = "<= 1.01 x without", of = "lull sliced", to = "lull", max = 1.01 },
    }),
  embedding_measure("plugins", "1,000 plugins in runtimes of their own: start and memory of each",
    { lull = "plugins" }, 1000, {}),
}
