--- http_sse_spec.lua: responses that send events.

local lull = require "lull"
local sse = require "lull.http.sse"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_request.lua")
local misuse, raises = support.misuse, support.raises
local virtual_time = require("lull.testing").virtual_time

--- All that a function sends.
local function sent(fn, opts)
  local response = sse.new(fn, opts)
  local text = support.body(response)
  response.body:close()
  return text
end

describe("a response of events", function()
  it("has the headers of one", function()
    local response = sse.new(print)
    assert.are.equal(200, response.status)
    assert.are.equal("text/event-stream", response.headers["content-type"])
    assert.are.equal("no-cache", response.headers["cache-control"])
    response.body:close()
  end)

  it("sends what the function sends, after a sign of life", function()
    local text = sent(function(events)
      events:send "hello"
      events:send { event = "a", data = "x", id = "7", retry = 100 }
      events:send { id = "8" }
    end)
    assert.are.equal(":\n\ndata: hello\n\nevent: a\nid: 7\nretry: 100\ndata: x\n\nid: 8\n\n", text)
  end)

  it("keeps lines lines, whatever ends them", function()
    assert.are.equal(":\n\ndata: a\ndata: b\ndata: \ndata: c\ndata: \n\n", sent(function(events)
      events:send "a\r\nb\r\rc\n"
    end))
    assert.are.equal(":\n\ndata: \n\n", sent(function(events) events:send "" end))
    assert.are.equal(":\n\n: a\n: data: b\n\n", sent(function(events) events:comment "a\ndata: b" end))
  end)

  it("refuses what would be another field or event", function()
    sent(function(events)
      for _, event in ipairs {
        { event = "a\nb" }, { event = "a\r" }, { id = "1\n" }, { id = "\0" }, { dat = "x" }, {},
        { retry = "1" }, { retry = -1 }, { data = 1 },
      } do
        misuse(events.send, events, event)
      end
      misuse(events.send, events)
      misuse(events.send, events, 1)
    end)
    misuse(sse.new)
    misuse(sse.new, print, { heartbeat = -1 })
  end)

  it("raises what the function raises", function()
    local response = sse.new(function(events)
      events:send "x"
      error("broken", 0)
    end)
    local body = response.body
    assert.are.equal(":\n\n", body())
    assert.are.equal("data: x\n\n", body())
    assert.are.equal("broken", select(2, pcall(body)))
    body:close()
  end)

  it("sends a comment when nothing else was sent for a while", function()
    virtual_time(function()
      local response = sse.new(function(events)
        lull.sleep(40)
        events:send "late"
      end)
      local body, start = response.body, lull.now()
      assert.are.equal(":\n\n", body())
      assert.are.equal(":\n\n", body())
      assert.are.equal(15, (lull.now() - start) // 1)
      assert.are.equal(":\n\n", body())
      assert.are.equal("data: late\n\n", body())
      assert.are.equal(40, (lull.now() - start) // 1)
      assert.is_nil(body())
      body:close()
    end)
  end)

  it("cancels the function when it is closed, and waits for its end", function()
    local cleaned
    local response = sse.new(function(events)
      local _ <close> = lull.finally(function()
        lull.yield()
        cleaned = true
      end)
      events:send "x"
      lull.sleep_forever()
    end)
    response.body()
    response.body()
    response.body:close()
    assert.is_true(cleaned)
  end)

  it("never starts the function when nobody asks for the body", function()
    local started
    local response = sse.new(function() started = true end)
    response.body:close()
    lull.yield()
    assert.is_nil(started)
  end)

  it("holds back a function whose client is slow", function()
    local count = 0
    local response = sse.new(function(events)
      while true do
        events:send "x"
        count = count + 1
      end
    end)
    response.body()
    for _ = 1, 100 do lull.yield() end
    local before = count
    assert.is_true(before < 50, before)
    response.body()
    for _ = 1, 100 do lull.yield() end
    assert.is_true(count > before)
    response.body:close()
  end)

  it("is closed for the function that goes on", function()
    local failure
    local response = sse.new(function(events)
      local _ <close> = lull.finally(function() failure = raises("closed", events.send, events, "x") end)
      lull.sleep_forever()
    end)
    response.body()
    lull.yield()
    response.body:close()
    assert.is_truthy(failure)
  end)
end)
