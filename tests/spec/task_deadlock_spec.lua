--- Deadlock: a run that nothing can wake ends with a list of who waits for what.
local support = require "tests.spec.support"

--- Run a script that may use `lull`; return its output and exit code.
local function program(code)
  return support.program("local lull = require 'lull'\n" .. code)
end

--- Check that `text` contains `part` as it is.
local function contains(text, part)
  assert.is_truthy(text:find(part, 1, true), ("no %q in:\n%s"):format(part, text))
end

describe("a program that nothing can wake", function()
  it("exits 13", function()
    local output <const>, code <const> = program "lull.future():await()"
    assert.equal(13, code)
    contains(output, "deadlock")
  end)

  it("exits 13 when the main task sleeps for ever", function()
    assert.equal(13, select(2, program "lull.sleep_forever()"))
  end)

  it("exits 13 when two tasks await each other", function()
    local _, code = program [[
      local a, b
      a = lull.async(function() b:await() end)()
      b = lull.async(function() a:await() end)()
      a:await()
    ]]
    assert.equal(13, code)
  end)

  it("exits 13 when only the join at the end of main is blocked", function()
    local output <const>, code <const> = program [[
      lull.spawn(function() lull.future():await() end)
      io.stdout:write("main returned\n"):flush()
    ]]
    assert.equal(13, code)
    contains(output, "main returned")
    contains(output, "deadlock")
  end)

  it("exits 13 when a nested run is blocked", function()
    assert.equal(13, select(2, program "lull.run(function() lull.future():await() end)"))
  end)

  it("exits 13 when a group waits for a blocked child", function()
    local _, code = program "lull.group(function(g) g:spawn(lull.sleep_forever) end)"
    assert.equal(13, code)
  end)

  it("exits 13 when it blocks after it has run for a while", function()
    local output <const>, code <const> = program [[
      lull.sleep(0.01)
      io.stdout:write("slept\n"):flush()
      lull.future():await()
    ]]
    assert.equal(13, code)
    contains(output, "slept")
  end)

  it("lists the tasks that wait, by name", function()
    local output <const>, code <const> = program [[
      local future = lull.future()
      for _, name in ipairs { "waiter-one", "waiter-two" } do
        lull.async(function() future:await() end)().name = name
      end
      future:await()
    ]]
    assert.equal(13, code)
    contains(output, "waiter-one")
    contains(output, "waiter-two")
  end)

  it("lets blocked tasks clean up", function()
    local output <const>, code <const> = program [[
      lull.spawn(function()
        local _ <close> = lull.finally(function() io.stdout:write("child cleaned\n"):flush() end)
        lull.sleep_forever()
      end)
      local _ <close> = lull.finally(function() io.stdout:write("main cleaned\n"):flush() end)
      lull.sleep_forever()
    ]]
    assert.equal(13, code)
    contains(output, "child cleaned")
    contains(output, "main cleaned")
  end)

  it("is torn down by force when it is blocked again in shielded cleanup", function()
    local output <const>, code <const> = program [[
      local _ <close> = lull.finally(function()
        io.stdout:write("cleanup began\n"):flush()
        lull.sleep_forever()
        print "never"
      end)
      lull.sleep_forever()
    ]]
    assert.equal(13, code)
    contains(output, "cleanup began")
    assert.is_nil(output:find("never\n", 1, true))
  end)

  it("is torn down by force when a child is blocked in shielded cleanup", function()
    local _, code = program [[
      lull.spawn(function()
        local _ <close> = lull.finally(function() lull.sleep_forever() end)
        lull.sleep_forever()
      end)
      lull.sleep_forever()
    ]]
    assert.equal(13, code)
  end)
end)

describe("the deadlock error", function()
  it("is raised at the main task's wait, where it can be caught", function()
    local output <const>, code <const> = program [[
      local future = lull.future()
      local ok, err = pcall(future.await, future)
      print(ok, lull.is_error(err, "deadlock"), err.kind)
      print(lull.sleep(0.001, "went on"))
    ]]
    contains(output, "false\ttrue\tdeadlock")
    contains(output, "went on")
    assert.equal(0, code)
  end)

  it("is seen by close values of the main task", function()
    local output <const> = program [[
      local _ <close> = lull.finally(function(err) io.stdout:write("closed by ", err.kind, "\n"):flush() end)
      lull.future():await()
    ]]
    contains(output, "closed by deadlock")
  end)

  it("has a message that says who waits", function()
    local output <const> = program [[
      local future = lull.future()
      lull.async(function() future:await() end)().name = "patient-one"
      local ok, err = pcall(lull.await, future)
      future:set()
      print("message: " .. tostring(err.message))
    ]]
    contains(output, "patient-one")
  end)
end)

describe("a program is not deadlocked", function()
  it("while a sleep is pending", function()
    local output <const>, code <const> = program [[
      local future = lull.future()
      lull.async(function()
        lull.sleep(0.02)
        future:set "woken"
      end)()
      print(future:await())
    ]]
    contains(output, "woken")
    assert.equal(0, code)
  end)

  it("while a timeout around the wait is pending", function()
    local output <const>, code <const> = program [[
      print(lull.move_on_after(0.02, lull.sleep_forever))
    ]]
    contains(output, "false")
    assert.equal(0, code)
  end)

  it("while an after is pending", function()
    local output <const>, code <const> = program [[
      lull.after(0.02, print, "ran")
    ]]
    contains(output, "ran")
    assert.equal(0, code)
  end)

  it("when it ends while a detached task sleeps for ever", function()
    local output <const>, code <const> = program [[
      lull.async(lull.sleep_forever)():detach()
      print "ended"
    ]]
    contains(output, "ended")
    assert.equal(0, code)
  end)
end)
