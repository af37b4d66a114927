--- Error objects, argument errors, checkpoints that look before they wait.
local lull = require "lull"
local support = require "tests.spec.support"

local failure, started = support.failure, support.started

describe("lull.new_error", function()
  it("makes an error object with kind and message", function()
    local err <const> = lull.new_error("closed", "the shop is closed")
    assert.equal("closed", err.kind)
    assert.equal("the shop is closed", err.message)
    assert.is_true(lull.is_error(err))
  end)

  it("takes further fields", function()
    local cause <const> = lull.new_error("io", "broken wire")
    local err <const> = lull.new_error("tls", "no handshake",
      { code = "EPIPE", op = "tls.connect", cause = cause, reason = "weather" })
    assert.equal("EPIPE", err.code)
    assert.equal("tls.connect", err.op)
    assert.is_true(rawequal(cause, err.cause))
    assert.equal("weather", err.reason)
  end)

  it("leaves fields that were not given nil", function()
    local err <const> = lull.new_error("io", "broken wire")
    for _, field in ipairs { "code", "op", "cause", "reason" } do assert.is_nil(err[field]) end
  end)

  it("makes objects that are raised and caught unchanged", function()
    local err <const> = lull.new_error("limit", "too much")
    assert.is_true(rawequal(err, failure(error, err)))
    assert.is_true(rawequal(err, failure(lull.await, lull.async(error)(err))))
  end)

  it("makes a cancelled error that cancels nobody", function()
    local ok <const> = pcall(error, lull.new_error("cancelled", "only words"))
    assert.is_false(ok)
    lull.yield()
    local task <const> = started(error, lull.new_error("cancelled", "only words"))
    assert.equal("failed", task:join())
  end)

  it("makes objects whose tostring is one line with the message", function()
    local text <const> = tostring(lull.new_error("io", "broken wire", { code = "EIO", op = "fs.open" }))
    assert.is_truthy(text:find("broken wire", 1, true))
    assert.is_nil(text:find("\n", 1, true))
  end)

  local kinds <const> = { "cancelled", "timeout", "closed", "eof", "limit", "busy", "usage", "io", "dns",
    "tls", "http", "json", "sql", "process", "permission", "deadlock", "memory" }
  for _, kind in ipairs(kinds) do
    it("makes errors of kind " .. kind, function()
      local err <const> = lull.new_error(kind, "text")
      assert.equal(kind, err.kind)
      assert.is_true(lull.is_error(err, kind))
    end)
  end
end)

describe("lull.is_error", function()
  it("is true for any error object, with or without its kind", function()
    local err <const> = failure(lull.gather, lull.current())
    assert.is_true(lull.is_error(err))
    assert.is_true(lull.is_error(err, "usage"))
  end)

  it("is false for an error object of another kind", function()
    assert.is_false(lull.is_error(lull.new_error("io", "text"), "dns"))
  end)

  it("is false for strings, nil, numbers and plain tables", function()
    assert.is_false(lull.is_error("io"))
    assert.is_false(lull.is_error(nil))
    assert.is_false(lull.is_error(42))
    assert.is_false(lull.is_error({ kind = "io", message = "text" }))
    assert.is_false(lull.is_error({ kind = "io", message = "text" }, "io"))
  end)

  it("is false for tasks and futures", function()
    assert.is_false(lull.is_error(lull.current()))
    assert.is_false(lull.is_error(lull.future()))
  end)
end)

describe("errors of the runtime are error objects:", function()
  local makers <const> = {
    timeout = function() return failure(lull.timeout, 0, lull.yield) end,
    usage = function() return failure(lull.gather, lull.current()) end,
    cancelled = function()
      local task <const> = started(lull.sleep_forever)
      task:cancel()
      return failure(lull.await, task)
    end,
  }
  for kind, make in pairs(makers) do
    it(kind .. " has kind, message and a one-line tostring", function()
      local err <const> = make()
      assert.is_true(lull.is_error(err, kind))
      assert.equal(kind, err.kind)
      assert.is_string(err.message)
      assert.is_true(#tostring(err) > 0)
      assert.is_nil(tostring(err):find("\n", 1, true))
    end)
  end

  it("cancelled has no reason when none was given", function()
    local task <const> = started(lull.sleep_forever)
    task:cancel()
    task:join()
    assert.is_nil(task:error().reason)
  end)
end)

describe("wrong arguments raise a plain argument error naming function and argument:", function()
  local nan <const> = 0 / 0
  local function fn() error "must not be called" end
  local wrong <const> = {
    { "sleep", 1, "soon" }, { "sleep", 1 }, { "sleep", 1, nan }, { "sleep", 1, {} },
    { "sleep_until", 1, "soon" }, { "sleep_until", 1, nan },
    { "run", 1, 42 }, { "run", 1 },
    { "async", 1, 42 }, { "async", 1 },
    { "spawn", 1, 42 }, { "spawn", 1, {} },
    { "map", 1, 42, fn }, { "map", 2, { 1 }, 42 }, { "map", 2, { 1 } },
    { "wait", 1, 42 }, { "wait", 1 },
    { "as_completed", 1, 42 }, { "as_completed", 1 },
    { "timeout", 1, "soon", fn }, { "timeout", 1, nan, fn }, { "timeout", 2, 1, 42 }, { "timeout", 2, 1 },
    { "move_on_after", 1, "soon", fn }, { "move_on_after", 1, nan, fn }, { "move_on_after", 2, 1, 42 },
    { "shield", 1, 42 }, { "shield", 1 },
    { "group", 1, 42 }, { "group", 1 },
    { "after", 1, "soon", fn }, { "after", 1, nan, fn }, { "after", 2, 1, 42 }, { "after", 2, 1 },
    { "every", 1, "soon", fn }, { "every", 1, nan, fn }, { "every", 2, 1, 42 },
    { "on_error", 1, 42 },
    { "finally", 1, 42 }, { "finally", 1 },
    { "gather", 1, 42, fn }, { "gather", 2, fn, 42 }, { "gather", 3, fn, fn, "x" },
    { "race", 1, 42, fn }, { "race", 2, fn, 42 },
    { "new_error", 1, nil, "text" }, { "new_error", 1, {}, "text" },
  }

  for _, case in ipairs(wrong) do
    local name <const>, position <const> = case[1], case[2]
    local count, given = 0, {}
    for i in pairs(case) do count = math.max(count, i) end
    for i = 3, count do
      given[#given + 1] = type(case[i]) == "number" and tostring(case[i]) or type(case[i])
    end
    it(("lull.%s(%s) names argument %d"):format(name, table.concat(given, ", "), position), function()
      local err <const> = failure(lull[name], table.unpack(case, 3, count))
      assert.equal("string", type(err))
      local at <const>, named <const> = err:match "bad argument #(%d+) to '([^']+)'"
      assert.equal(tostring(position), at)
      assert.is_truthy(named:find(name, 1, true))
    end)
  end

  it("a handle is no function", function()
    local task <const> = started(function() end)
    local future <const> = lull.future()
    for _, handle in ipairs { task, future } do
      for _, name in ipairs { "async", "spawn", "run", "shield", "group" } do
        assert.is_string(failure(lull[name], handle))
      end
    end
  end)

  it("g:spawn and g:start without a function", function()
    lull.group(function(g)
      assert.is_string(failure(g.spawn, g, 42))
      assert.is_string(failure(g.start, g, 42))
    end)
  end)

  it("t:on_done without a function", function()
    assert.is_string(failure(lull.current().on_done, lull.current(), 42))
  end)

  it("v:with without a function", function()
    local v <const> = lull.var()
    assert.is_string(failure(v.with, v, 1, 42))
  end)

  it("methods without their object", function()
    local future <const>, v <const> = lull.future(), lull.var()
    for _, method in ipairs { lull.current().cancel, lull.current().join, future.set, future.await, v.get } do
      assert.is_string(failure(method, {}))
      assert.is_string(failure(method))
    end
  end)

  it("and leave the task able to go on", function()
    pcall(lull.sleep, "soon")
    pcall(lull.timeout, "soon", fn)
    assert.equal("fine", (lull.sleep(0, "fine")))
  end)
end)

describe("every suspending call is a checkpoint on entry, even when it need not wait:", function()
  local finished, settled
  local function fn() end

  local function prepare()
    finished = started(function() return 1 end)
    settled = lull.future()
    settled:set(1)
  end

  local calls <const> = {
    ["sleep"] = function() lull.sleep(0) end,
    ["sleep_until"] = function() lull.sleep_until(lull.now() - 1) end,
    ["yield"] = function() lull.yield() end,
    ["await of a finished task"] = function() lull.await(finished) end,
    ["await of a settled future"] = function() lull.await(settled) end,
    ["f:await"] = function() settled:await() end,
    ["t:join"] = function() finished:join() end,
    ["gather of finished tasks"] = function() lull.gather(finished, settled) end,
    ["gather of functions"] = function() lull.gather(fn) end,
    ["map"] = function() lull.map({ 1 }, fn) end,
    ["race"] = function() lull.race(finished) end,
    ["wait"] = function() lull.wait { finished } end,
    ["as_completed"] = function() for _ in lull.as_completed { finished } do fn() end end,
  }

  for name, call in pairs(calls) do
    it(name .. " raises the cancellation", function()
      prepare()
      local reached = false
      local task <const> = lull.async(function()
        lull.current():cancel "looked for"
        call()
        reached = true
      end)()
      assert.equal("cancelled", task:join())
      assert.equal("looked for", task:error().reason)
      assert.is_false(reached)
    end)

    it(name .. " sees a deadline that has passed", function()
      prepare()
      assert.is_true(lull.is_error(failure(lull.timeout, 0, call), "timeout"))
    end)
  end
end)
