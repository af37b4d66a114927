--- What the prompt remembers.
local fs = require "lull.fs"
local history = require "lull.repl.history"
local lull = require "lull"

local folder

before_each(function() folder = fs.temp_dir() end)
after_each(function() fs.remove(folder.path, { recursive = true }) end)

local function path() return folder.path .. "/state/history" end

local function entries_of(each)
  local list <const> = {}
  for i = 1, each:count() do list[i] = each:get(i) end
  return list
end

describe("the history", function()
  it("is there again in the next session, lines and bytes as they were", function()
    local first <const> = history.open(path())
    first:add "x = 1"
    first:add "for i = 1, 2 do\n  print('\\n')\nend"
    first:add "s = '\255\\\\\r'"
    assert.same({ "x = 1", "for i = 1, 2 do\n  print('\\n')\nend", "s = '\255\\\\\r'" },
      entries_of(history.open(path())))
  end)

  it("has an entry once, where it came last", function()
    local one <const> = history.open(path())
    for _, text in ipairs { "a", "b", "a", "a", "c" } do one:add(text) end
    assert.same({ "b", "a", "c" }, entries_of(one))
    assert.same({ "b", "a", "c" }, entries_of(history.open(path())))
  end)

  it("does not keep what is empty, begins with a blank, or is too long", function()
    local one <const> = history.open(path())
    for _, text in ipairs { "", "\n", " secret", ("x"):rep(70000), "kept  \n" } do one:add(text) end
    assert.same({ "kept" }, entries_of(one))
  end)

  it("of sessions at the same time loses nothing", function()
    local sessions <const>, tasks <const> = {}, {}
    for i = 1, 8 do sessions[i] = history.open(path()) end
    for i, each in ipairs(sessions) do
      tasks[i] = lull.async(function()
        for k = 1, 5 do each:add(("x%d_%d"):format(i, k)) end
      end)()
    end
    lull.gather(table.unpack(tasks))
    assert.equal(40, history.open(path()):count())
    assert.equal(5, sessions[1]:count())
  end)

  it("puts no entry behind one that has no end", function()
    fs.mkdir(folder.path .. "/state")
    fs.write_file(path(), "one\r\ntwo")
    history.open(path()):add "three"
    assert.same({ "one", "two", "three" }, entries_of(history.open(path())))
  end)

  it("is for its owner alone", function()
    history.open(path()):add "x"
    assert.equal(384, fs.stat(path()).mode & 511)
    assert.equal(448, fs.stat(folder.path .. "/state").mode & 511)
  end)

  it("is forgotten by clear", function()
    local one <const> = history.open(path())
    one:add "x"
    one:clear()
    assert.equal(0, one:count())
    assert.equal(0, history.open(path()):count())
  end)

  it("goes on with a lock that was left behind", function()
    fs.mkdir(folder.path .. "/state")
    fs.mkdir(path() .. ".lock")
    require("lull.testing").virtual_time(function() history.open(path()):add "x" end)
    assert.same({ "x" }, entries_of(history.open(path())))
    assert.is_false(fs.exists(path() .. ".lock"))
  end)

  it("is bounded, and tidies a file that is too large", function()
    fs.mkdir(folder.path .. "/state")
    local lines <const> = {}
    for i = 1, 25000 do lines[i] = "line " .. i % 12000 end
    fs.write_file(path(), table.concat(lines, "\n"))
    local one <const> = history.open(path())
    assert.equal(10000, one:count())
    assert.equal("line 1000", one:get(10000))
    local _, count <const> = fs.read_file(path()):gsub("\n", "")
    assert.equal(10000, count)
  end)

  it("is not kept without a path, and where it cannot be written it says so", function()
    local none <const> = history.open()
    none:add "x"
    assert.same({ "x" }, entries_of(none))
    local one <const> = history.open(folder.path .. "/file/history")
    fs.write_file(folder.path .. "/file", "")
    local ok <const>, err <const> = pcall(one.add, one, "x")
    assert.is_false(ok)
    assert.is_true(lull.is_error(err, "io"))
    assert.same({ "x" }, entries_of(one))
  end)
end)
