--- driver.files: the measures of files, on the disk of the temporary folder.
---
--- What is read is in memory: the disk itself is not measured.  Programs are given the paths that
--- they work on; cat, cp and find are timed from outside.
local kinds = require "driver.kinds"
local shell = require "driver.shell"

local FILES <const>, TREE <const>, BIG <const> = 10000, 100000, 1024 * 1024 * 1024

--- Quick runs have an eighth of it.
local function sized(env, size)
  return env.quick and size // 8 or size
end

local function write(path, bytes, times)
  local file <close> = assert(io.open(path, "wb"))
  for _ = 1, times or 1 do assert(file:write(bytes)) end
end

--- files/1, files/2, ...: of 4 KB each.
local function small_files(env)
  if not shell.succeeds("mkdir " .. shell.quote(env.tmp .. "/files")) then return end
  for i = 1, sized(env, FILES) do write(("%s/files/%d"):format(env.tmp, i), ("x"):rep(4096)) end
end

--- tree/1/1 ... tree/100/...: empty files.
local function tree(env)
  if not shell.succeeds("mkdir " .. shell.quote(env.tmp .. "/tree")) then return end
  for i = 1, 100 do
    local dir <const> = ("%s/tree/%d"):format(env.tmp, i)
    assert(os.execute("mkdir " .. shell.quote(dir)))
    for k = 1, sized(env, TREE) // 100 do write(dir .. "/" .. k, "") end
  end
end

local function big_file(env)
  if not shell.succeeds("test -e " .. shell.quote(env.tmp .. "/big")) then
    write(env.tmp .. "/big", ("0123456789abcdef"):rep(65536), sized(env, BIG) >> 20)
  end
end

local function small_arguments(env)
  return shell.words(env.tmp .. "/files", sized(env, FILES))
end

local function tree_arguments(env)
  return shell.words(env.tmp .. "/tree", sized(env, TREE))
end

local function copy_arguments(env)
  os.remove(env.tmp .. "/copy")
  return shell.words(env.tmp .. "/big", env.tmp .. "/copy")
end

---@type bench.Measure[]
return {
  {
    name = "fs-read",
    title = "10,000 files of 4 KB, read concurrently: wall time of one",
    dir = "fs-read",
    base = "read loop",
    who = { "read loop", "lull", "go", "node", "asyncio", "aiofiles" },
    prepare = small_files,
    kinds = { { "", kinds.given(small_arguments) } },
    goals = {
      { text = "ahead of node", of = "lull", to = "node", max = 1 },
      { text = ">= 3 x asyncio.to_thread", of = "asyncio", to = "lull", min = 3 },
      { text = ">= 3 x aiofiles", of = "aiofiles", to = "lull", min = 3 },
    },
  },
  {
    name = "fs-stream",
    title = "1 GB copied in chunks: wall time",
    dir = "fs-stream",
    base = "cat",
    who = { "cat", "lull", "go", "node", "asyncio" },
    tools = { "startup" },
    prepare = big_file,
    kinds = { { "", kinds.given(copy_arguments) } },
    commands = { cat = "sh -c 'cat \"$0\" >\"$1\"'" },
    goals = { { text = "<= 1.2 x cat", of = "lull", to = "cat", max = 1.2 } },
  },
  {
    name = "fs-copy",
    title = "1 GB copied as a whole: wall time",
    dir = "fs-copy",
    base = "cp",
    who = { "cp", "lull", "node" },
    tools = { "startup" },
    prepare = big_file,
    kinds = { { "", kinds.given(copy_arguments) } },
    commands = { cp = "cp" },
    goals = { { text = "<= 1.2 x cp", of = "lull", to = "cp", max = 1.2 } },
  },
  {
    name = "fs-walk",
    title = "a tree of 100,000 files, with their sizes: wall time",
    dir = "fs-walk",
    base = "find",
    who = { "find", "lull", "go", "node", "asyncio" },
    tools = { "startup" },
    prepare = tree,
    kinds = { { "", kinds.given(tree_arguments) } },
    commands = { find = "sh -c 'find \"$0\" -type f -size 0 | wc -l'" },
    goals = {},
  },
}
