--- parallel_build.lua: a tiny make: runs commands in the order of what they need, many at once.
--
--   lull examples/parallel_build.lua build.lua [jobs] [target...]
--
-- The file build.lua returns a table of rules; without targets all of them are built:
--
--   return {
--     ["app"]    = { needs = { "main.o", "text.o" }, run = "cc -o app main.o text.o" },
--     ["main.o"] = { needs = { "main.c" }, run = "cc -c main.c" },
--     ["text.o"] = { needs = { "text.c" }, run = "cc -c text.c" },
--   }
--
-- A command runs when its target is missing, or older than something that it needs.  When one
-- fails its output is shown, those that run are waited for, and no other is begun.
local fs = require "lull.fs"
local lull = require "lull"
local process = require "lull.process"
local sync = require "lull.sync"
local term = require "lull.term"

local script <const>, jobs <const> = arg[1], math.max(1, math.tointeger(tonumber(arg[2])) or 4)
local rules <const> = dofile(script or error("usage: parallel_build.lua build.lua [jobs] [target...]", 0))
local targets <const> = { table.unpack(arg, 3) }
if #targets == 0 then
  for name in pairs(rules) do targets[#targets + 1] = name end
end
table.sort(targets)

--- The names of all rules that are needed.  Raises for a circle, and for what nobody can make.
local function plan()
  local order <const>, state <const>, path <const> = {}, {}, {}
  local function visit(name)
    path[#path + 1] = name
    if state[name] == "open" then error("a circle: " .. table.concat(path, " <- "), 0) end
    local rule <const> = rules[name]
    if rule and not state[name] then
      state[name] = "open"
      for _, need in ipairs(rule.needs or {}) do visit(need) end
      state[name] = "done"
      order[#order + 1] = name
    elseif not rule and not fs.exists(name) then
      error("nobody makes " .. table.concat(path, " <- "), 0)
    end
    path[#path] = nil
  end
  for _, name in ipairs(targets) do visit(name) end
  return order
end

local function changed(path)
  local stat <const> = fs.stat(path, { missing = true })
  return stat and stat.mtime
end

--- Is the target there, and none of its needs newer?
local function up_to_date(name, rule)
  local made <const> = changed(name)
  for _, need in ipairs(rule.needs or {}) do
    if made and (changed(need) or math.huge) > made then return false end
  end
  return made ~= nil
end

local order <const> = plan()
local places <const> = sync.semaphore(jobs)
local tasks <const> = {} -- of each rule
local ran, failed = 0, {}

--- Run the command of a rule; its output matters only when it fails.
local function run(name, rule)
  if #failed > 0 then return end
  print(rule.run)
  ran = ran + 1
  local result <const> = process.run({ "sh", "-c", rule.run }, { stderr = "stdout" })
  if result.code ~= 0 then
    failed[#failed + 1] = name
    print(term.red("failed: " .. name) .. "\n" .. result.stdout)
  end
end

local bar <close> = term.progress { label = "build", total = #order }

--- Build one target, after all that it needs.
local function build(name)
  local rule <const> = rules[name]
  for _, need in ipairs(rule.needs or {}) do
    if rules[need] then tasks[need]:await() end
  end
  if #failed == 0 and not up_to_date(name, rule) then places:with(run, name, rule) end
  bar:advance()
end

lull.group(function(group)
  for _, name in ipairs(order) do tasks[name] = group:spawn(build, name) end
end)
bar:finish()
print(("%d of %d commands were run, %d failed"):format(ran, #order, #failed))
os.exit(#failed == 0, true)
