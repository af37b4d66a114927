--- lull.worker.side: what runs in a worker.  Not for scripts: core/worker/workerside.c calls it.
local home = require "lull.worker.home"
local lull = require "lull"

local require <const>, paths <const> = home[3], home[1].package

--- Results of fn(item, index) for a part of a list.
local function map(first, fn, ...)
  local items <const>, results <const> = table.pack(...), {}
  for i = 1, items.n do
    results[i] = fn(items[i], first + i - 1)
  end
  return results
end

--- The function of a module that the owner named.
local function find(module, name)
  local found <const> = require(module)
  local fn <const> = type(found) == "table" and found[name] or nil
  if fn == nil then error(("the module '%s' has no '%s'"):format(module, name), 0) end
  return fn
end

--- Do what the owner packed: its kind, or where the part of a list begins, and what belongs to it.
local function run(kind, fn, ...)
  if kind == "call" then return fn(...) end
  if kind == "module" then return find(fn, (...))(select(2, ...)) end
  return map(kind, fn, ...)
end

---@param native table           the functions of core/worker/workerside.c
---@return fun(): ...            does a piece of work
return function(native)
  native.home(home)
  local preload
  paths.path, paths.cpath, preload = native.config()
  lull.on_error(function(err, _, traceback) native.report(err, traceback) end)
  local loaded = 0
  return function()
    while loaded < #preload do
      require(preload[loaded + 1])
      loaded = loaded + 1
    end
    for _, name in ipairs(native.modules()) do require(name) end
    return run(native.take())
  end
end
