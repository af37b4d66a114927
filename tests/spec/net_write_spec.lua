--- net_write_spec.lua: writing, backpressure, flush and shutdown.

local lull = require "lull"
local testing = require "lull.testing"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_net.lua")
local go, ends, raises, misuse = support.go, support.ends, support.raises, support.misuse

describe("write", function()
  it("returns the stream", function()
    local s, t, _ <close> = support.pair()
    assert.are.equal(s, s:write("x"))
    assert.are.equal(s, s:write())
    assert.are.equal("x", t:read_some())
  end)

  it("takes several strings and numbers, which look as in a concatenation", function()
    local s, t, _ <close> = support.pair()
    s:write("a", 1, 2.0, "", "b", -0.0, 1e100):shutdown()
    assert.are.equal("a" .. 1 .. 2.0 .. "b" .. -0.0 .. 1e100, t:read("a"))
  end)

  it("takes more strings than one system call does", function()
    local s, t, _ <close> = support.pair()
    local list = {}
    for i = 1, 200 do list[i] = tostring(i) end
    s:write(table.unpack(list)):shutdown()
    assert.are.equal(table.concat(list), t:read("a"))
  end)

  it("takes many strings that do not fit, and keeps their order", function()
    support.on_both_kinds(function(one, other)
      local list = {}
      for i = 1, 100 do list[i] = ("%05d"):format(i):rep(20000) end
      local writing = go(function() one:write(table.unpack(list)):shutdown() end)
      assert.is_true(table.concat(list) == other:read("a"))
      ends("done", writing)
    end)
  end)

  it("refuses what is no string or number, before anything is written", function()
    local s, t, _ <close> = support.pair()
    for _, value in ipairs { {}, true, print } do misuse(s.write, s, "x", value) end
    misuse(s.write, s, nil)
    misuse(s.write)
    s:write("only this"):shutdown()
    assert.are.equal("only this", t:read("a"))
  end)

  it("suspends above the high-water mark, until the peer has read", function()
    support.on_both_kinds(function(one, other)
      local writing = support.stuffed(one)
      assert.are.equal(#support.FLOOD, #other:read_exact(#support.FLOOD))
      assert.are.equal(one, writing:await())
    end)
  end)

  it("does not suspend below the mark, though the peer takes nothing", function()
    local s, t, _ <close> = support.pair { high_water = 4 * #support.FLOOD }
    s:write(support.FLOOD):write("end")
    local reading = support.drained(t)
    s:shutdown()
    assert.are.equal(#support.FLOOD + 3, reading:await())
  end)

  it("goes on when no more than the low-water mark is left", function()
    local s, t, _ <close> = support.pair { high_water = 1000000, low_water = 500000 }
    local writing = support.stuffed(s)
    local read = 0
    while writing:status() == "pending" do
      read = read + #t:read_some()
      testing.settle()
    end
    assert.is_true(read < #support.FLOOD, "the write waited for everything to be read")
    assert.is_true(read >= #support.FLOOD - 1000000 - 500000)
    s:abort()
  end)

  it("raises io when the peer is gone", function()
    local s, t, _ <close> = support.pair()
    t:close()
    local e = raises("io", s.write, s, "x")
    assert.are.equal("EPIPE", e.code)
    assert.are.equal("stream.write", e.op)
    raises("io", s.write, s, "y")
    raises("io", s.flush, s)
    raises("io", s.shutdown, s)
  end)

  it("raises io in the writer who waits when the peer goes", function()
    local s, t, _ <close> = support.pair()
    local writing = support.stuffed(s)
    t:close()
    ends("failed", writing)
    assert.are.equal("io", writing:error().kind)
    raises("io", s.write, s, "x")
  end)

  it("gives others their turns, though everything fits", function()
    local s, t, _ <close> = support.pair()
    local reading = support.drained(t)
    local turns = 0
    local other = go(function()
      while true do
        turns = turns + 1
        lull.yield()
      end
    end)
    for _ = 1, 10000 do s:write("x") end
    other:cancel()
    s:close()
    assert.are.equal(10000, reading:await())
    assert.is_true(turns > 100, turns .. " turns")
  end)
end)

describe("several writers", function()
  it("never interleave", function()
    support.on_both_kinds(function(one, other)
      local writers, size = {}, 300001
      for i = 1, 8 do
        local letter = string.char(96 + i)
        writers[i] = go(function()
          one:write(letter:rep(size))
          one:write(letter:rep(size), letter:rep(7))
        end)
      end
      local runs, last = {}, nil -- how long each stretch of one letter is
      local total = 8 * (2 * size + 7)
      while total > 0 do
        local piece = other:read_some()
        total = total - #piece
        local at = 1
        while at <= #piece do
          local letter = piece:sub(at, at)
          local stop = select(2, piece:find("^" .. letter .. "+", at))
          if letter ~= last then runs[#runs + 1], last = 0, letter end
          runs[#runs] = runs[#runs] + stop - at + 1
          at = stop + 1
        end
      end
      for i = 1, 8 do ends("done", writers[i]) end
      local whole = { [size] = true, [size + 7] = true, [2 * size + 7] = true }
      for _, run in ipairs(runs) do assert.is_true(whole[run], run .. " bytes in a row") end
    end)
  end)

  it("take turns in the order of their calls", function()
    local s, t, _ <close> = support.pair { high_water = 1, low_water = 1 }
    local writers = { support.stuffed(s) }
    for i = 1, 5 do
      writers[#writers + 1] = go(function()
        s:write(i, " ")
        s:write(-i, " ")
      end)
    end
    testing.settle()
    assert.are.equal(#support.FLOOD, #t:read_exact(#support.FLOOD))
    for _, writer in ipairs(writers) do ends("done", writer) end
    s:shutdown()
    assert.are.equal("1 2 3 4 5 -1 -2 -3 -4 -5 ", t:read("a"))
  end)

  it("wait in line; who is cancelled in it has written nothing", function()
    local s, t, _ <close> = support.pair()
    local first = support.stuffed(s)
    local second, third = go(s.write, s, "second"), go(s.write, s, "third")
    testing.settle()
    second:cancel()
    ends("cancelled", second)
    assert.are.equal(#support.FLOOD, #t:read_exact(#support.FLOOD))
    ends("done", first)
    ends("done", third)
    s:shutdown()
    assert.are.equal("third", t:read("a"))
  end)

  it("go on when the one who waits for the peer is cancelled: its bytes are sent whole", function()
    local s, t, _ <close> = support.pair()
    local first = support.stuffed(s)
    local second = go(s.write, s, "second")
    testing.settle()
    first:cancel()
    ends("cancelled", first)
    testing.settle()
    assert.are.equal("pending", second:status())
    assert.are.equal(support.FLOOD .. "second", t:read_exact(#support.FLOOD + 6))
    ends("done", second)
  end)

  it("do not let cancelled writes pile up: the next waits before it is accepted", function()
    local s, t, _ <close> = support.pair()
    local first = support.stuffed(s)
    first:cancel()
    ends("cancelled", first)
    for _ = 1, 3 do
      local late = go(s.write, s, "never")
      testing.settle()
      assert.are.equal("pending", late:status())
      late:cancel()
      ends("cancelled", late)
    end
    assert.are.equal(#support.FLOOD, #t:read_exact(#support.FLOOD))
    s:write("end"):shutdown()
    assert.are.equal("end", t:read("a"))
  end)
end)

describe("flush", function()
  it("waits until what was written is with the kernel", function()
    local s, t, _ <close> = support.pair { high_water = 4 * #support.FLOOD }
    s:write(support.FLOOD)
    local flushing = go(s.flush, s)
    testing.settle()
    assert.are.equal("pending", flushing:status())
    local reading = support.drained(t)
    assert.are.equal(s, flushing:await())
    s:close()
    assert.are.equal(#support.FLOOD, reading:await())
  end)

  it("returns at once when nothing is unsent", function()
    local s, t, _ <close> = support.pair()
    assert.are.equal(s, s:write("x"):flush())
    assert.are.equal("x", t:read_some())
  end)

  it("does not wait for what is written after it", function()
    local s, t, _ <close> = support.pair { high_water = 4 * #support.FLOOD }
    s:write(support.FLOOD)
    local flushing = go(s.flush, s)
    testing.settle()
    s:write(support.FLOOD)
    local read = 0
    while flushing:status() == "pending" do
      read = read + #t:read_some()
      testing.settle()
    end
    assert.is_true(read <= #support.FLOOD)
    ends("done", flushing)
    s:abort()
  end)
end)

describe("shutdown", function()
  it("ends the writing side only", function()
    support.on_both_kinds(function(one, other)
      one:write("question"):shutdown()
      assert.are.equal("question", other:read("a"))
      other:write("answer"):close()
      assert.are.equal("answer", one:read("a"))
    end)
  end)

  it("waits until what was written is sent", function()
    local s, t, _ <close> = support.pair { high_water = 4 * #support.FLOOD }
    s:write(support.FLOOD)
    local ending = go(s.shutdown, s)
    testing.settle()
    assert.are.equal("pending", ending:status())
    assert.are.equal(#support.FLOOD, support.drained(t):await())
    assert.are.equal(s, ending:await())
  end)

  it("comes after writers that were before it, and refuses those after it", function()
    local s, t, _ <close> = support.pair()
    local first = support.stuffed(s)
    local second, ending, late = go(s.write, s, "2"), go(s.shutdown, s), go(s.write, s, "late")
    testing.settle()
    assert.are.equal(#support.FLOOD + 1, support.drained(t):await())
    ends("done", first)
    ends("done", second)
    ends("done", ending)
    ends("failed", late)
    assert.are.equal("closed", late:error().kind)
    raises("closed", s.write, s, "x")
  end)

  it("may be called again", function()
    local s, t, _ <close> = support.pair()
    s:shutdown():shutdown()
    assert.is_nil(t:read())
  end)

  it("that is cancelled has not happened", function()
    local s, t, _ <close> = support.pair()
    local writing = support.stuffed(s)
    local ending = go(s.shutdown, s)
    testing.settle()
    ending:cancel()
    ends("cancelled", ending)
    assert.are.equal(#support.FLOOD, #t:read_exact(#support.FLOOD))
    ends("done", writing)
    s:write("more"):shutdown()
    assert.are.equal("more", t:read("a"))
  end)
end)
