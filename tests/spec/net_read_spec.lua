--- net_read_spec.lua: the ways to read a stream.

local lull = require "lull"
local net = require "lull.net"
local testing = require "lull.testing"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_net.lua")
local go, ends, raises, misuse = support.go, support.ends, support.raises, support.misuse

--- A stream that brings the pieces one by one, each read before the next comes, then ends.
local function bringing(...)
  local reader, writer = net.pair()
  local pieces = table.pack(...)
  go(function()
    for i = 1, pieces.n do
      if i > 1 then testing.settle() end
      writer:write(pieces[i])
    end
    writer:close()
  end)
  return reader
end

describe("read", function()
  it("gives a line without its newline by default", function()
    local s <close> = bringing("one\ntwo\n")
    assert.are.equal("one", s:read())
    assert.are.equal("two", s:read("l"))
    assert.is_nil(s:read())
  end)

  it("gives a line with its newline for L", function()
    local s <close> = bringing("one\ntwo")
    assert.are.equal("one\n", s:read("L"))
    assert.are.equal("two", s:read("L"))
    assert.is_nil(s:read("L"))
  end)

  it("gives empty lines", function()
    local s <close> = bringing("\n\nx\n")
    assert.are.same({ "", "", "x" }, { s:read("l", "l", "l") })
    assert.is_nil(s:read())
  end)

  it("gives the last line without a newline", function()
    local s <close> = bringing("last")
    assert.are.equal("last", s:read())
    assert.is_nil(s:read())
  end)

  it("puts lines together from pieces", function()
    local s <close> = bringing("o", "n", "e\nt", "wo\n")
    assert.are.equal("one", s:read())
    assert.are.equal("two", s:read())
  end)

  it("gives everything up to the end for a, and then empty strings", function()
    local s <close> = bringing("one\n", "two", "\n")
    assert.are.equal("one\ntwo\n", s:read("a"))
    assert.are.equal("", s:read("a"))
    assert.is_nil(s:read("l"))
  end)

  it("gives n bytes, fewer only at the end", function()
    local s <close> = bringing("ab", "cdef", "g")
    assert.are.equal("abcde", s:read(5))
    assert.are.equal("fg", s:read(5))
    assert.is_nil(s:read(5))
  end)

  it("probes for the end with 0, as files do", function()
    local s <close> = bringing("x")
    assert.are.equal("", s:read(0))
    assert.are.equal("x", s:read(1))
    assert.is_nil(s:read(0))
  end)

  it("takes several formats, and stops with nil at the first that fails", function()
    local s <close> = bringing("one\n12", "345\nrest")
    assert.are.same({ "one", "123", "45\n", "rest", n = 4 }, table.pack(s:read("l", 3, "L", "a")))
    local t <close> = bringing("one\n")
    assert.are.same({ "one", nil, n = 2 }, table.pack(t:read("l", "l", "l")))
  end)

  it("takes formats with an asterisk, as Lua 5.4 does", function()
    local s <close> = bringing("one\ntwo\nx")
    assert.are.same({ "one", "two\n", "x" }, { s:read("*l", "*L", "*a") })
  end)

  it("keeps bytes of every value", function()
    local all = {}
    for i = 0, 255 do all[#all + 1] = string.char(i) end
    local bytes = table.concat(all)
    local s <close> = bringing(bytes, bytes)
    assert.are.equal(bytes .. bytes, s:read("a"))
  end)

  it("gives large blocks whole", function()
    support.on_both_kinds(function(one, other)
      local block = ("0123456789abcdef"):rep(100000)
      local writing = go(function() one:write(block):write(block, "end"):shutdown() end)
      assert.are.equal(block, other:read_exact(#block))
      assert.are.equal(block .. "end", other:read("a"))
      ends("done", writing)
    end)
  end)

  it("refuses n and what is no format, before it waits", function()
    local s, t, _ <close> = support.pair()
    for _, format in ipairs { "n", "x", "", "*n", -1, 1.5, {}, true } do misuse(s.read, s, format) end
    misuse(s.read, s, "l", "n")
    misuse(s.read, s, table.unpack({}, 1, 1))
    t:write("kept\n")
    assert.are.equal("kept", s:read())
  end)

  it("refuses what is no stream", function()
    for _, value in ipairs { 1, "s", {}, io.stdout } do
      misuse(net.pair().read, value)
    end
    misuse(net.pair().read)
  end)
end)

describe("lines", function()
  it("gives the lines, and ends", function()
    local s <close> = bringing("one\nt", "wo\n", "three")
    local got = {}
    for line in s:lines() do got[#got + 1] = line end
    assert.are.same({ "one", "two", "three" }, got)
  end)

  it("takes formats", function()
    local s <close> = bringing("1ab2cd")
    local got = {}
    for digit, letters in s:lines(1, 2) do got[#got + 1] = letters .. digit end
    assert.are.same({ "ab1", "cd2" }, got)
  end)

  it("leaves the rest when the loop is left", function()
    local s <close> = bringing("one\ntwo\nthree\n")
    local got = {}
    for line in s:lines() do
      got[#got + 1] = line
      if #got == 1 then break end
    end
    assert.are.equal("two", s:read())
    assert.are.equal("three\n", s:read("a"))
  end)

  it("refuses wrong formats at once", function()
    local s <close> = net.pair()
    misuse(s.lines, s, "n")
  end)

  it("gives others their turns, though everything is there", function()
    local s <close> = bringing(("x\n"):rep(10000))
    local turns, lines = 0, 0
    local other = go(function()
      while true do
        turns = turns + 1
        lull.yield()
      end
    end)
    for _ in s:lines() do lines = lines + 1 end
    other:cancel()
    assert.are.equal(10000, lines)
    assert.is_true(turns > 100, turns .. " turns")
  end)
end)

describe("chunks", function()
  it("gives what comes, until the end, and does not close", function()
    local s <close> = bringing("ab", "c")
    local got = {}
    for piece in s:chunks() do got[#got + 1] = piece end
    assert.are.same({ "ab", "c" }, got)
    assert.is_truthy(s:fd())
  end)

  it("gives pieces of at most max bytes", function()
    local s <close> = bringing("abc")
    local got = {}
    for piece in s:chunks(2) do got[#got + 1] = piece end
    assert.are.same({ "ab", "c" }, got)
    for _, max in ipairs { 0, -1, 1.5, "x" } do misuse(s.chunks, s, max) end
  end)
end)

describe("read_some", function()
  it("gives what is there, and nil at the end", function()
    local s <close> = bringing("ab", "c")
    assert.are.equal("ab", s:read_some())
    assert.are.equal("c", s:read_some())
    assert.is_nil(s:read_some())
    assert.is_nil(s:read_some())
  end)

  it("gives at most max bytes", function()
    local s <close> = bringing("abcde")
    assert.are.equal("ab", s:read_some(2))
    assert.are.equal("c", s:read_some(1))
    assert.are.equal("de", s:read_some(100))
  end)

  it("gives what another read has left", function()
    local s <close> = bringing("line\nrest")
    assert.are.equal("line", s:read())
    assert.are.equal("rest", s:read_some())
  end)

  it("refuses a max that is not positive", function()
    local s <close> = net.pair()
    for _, max in ipairs { 0, -1, 1.5, "x" } do misuse(s.read_some, s, max) end
  end)
end)

describe("read_exact", function()
  it("gives exactly n bytes", function()
    local s <close> = bringing("abc", "def", "g")
    assert.are.equal("abcd", s:read_exact(4))
    assert.are.equal("efg", s:read_exact(3))
    assert.is_nil(s:read_exact(1))
  end)

  it("gives an empty string for 0 without waiting", function()
    local s, t, _ <close> = support.pair()
    assert.are.equal("", s:read_exact(0))
    assert.is_true(t:fd() >= 0)
  end)

  it("raises eof with what there was, and then is at the end", function()
    local s <close> = bringing("abc")
    local e = raises("eof", s.read_exact, s, 4)
    assert.are.equal("abc", e.partial)
    assert.are.equal("stream.read", e.op)
    assert.is_nil(s:read_exact(4))
  end)

  it("refuses a negative number", function()
    local s <close> = net.pair()
    misuse(s.read_exact, s, -1)
    misuse(s.read_exact, s)
  end)
end)

describe("read_until", function()
  it("gives the bytes with the separator", function()
    local s <close> = bringing("a: b\r", "\n\r\nrest")
    assert.are.equal("a: b\r\n", s:read_until("\r\n"))
    assert.are.equal("\r\n", s:read_until("\r\n"))
    assert.are.equal("rest", s:read("a"))
  end)

  it("finds a separator that comes byte by byte, and whose beginning repeats", function()
    local s <close> = bringing("x", "a", "a", "b", "a", "a", "b", "c", "y")
    assert.are.equal("xaabaabc", s:read_until("aabc"))
    assert.are.equal("y", s:read_some())
  end)

  it("takes separators with zeros", function()
    local s <close> = bringing("ab\0\0", "cd\0")
    assert.are.equal("ab\0\0", s:read_until("\0\0"))
    assert.are.equal("cd\0", s:read_until("\0"))
  end)

  it("raises eof with what there was", function()
    local s <close> = bringing("abc", "\r")
    assert.are.equal("abc\r", raises("eof", s.read_until, s, "\r\n").partial)
    assert.is_nil(s:read_until("\r\n"))
  end)

  it("gives nil at a clean end", function()
    local s <close> = bringing()
    assert.is_nil(s:read_until("\n"))
  end)

  it("refuses an empty separator and a limit that is not positive", function()
    local s <close> = net.pair()
    misuse(s.read_until, s, "")
    misuse(s.read_until, s)
    misuse(s.read_until, s, "x", 0)
  end)
end)

describe("limits", function()
  it("a line past max_line raises limit and loses nothing", function()
    local s, t, _ <close> = support.pair { max_line = 10 }
    t:write("0123456789\n", "0123456789a\nrest")
    assert.are.equal("0123456789", s:read())
    local e = raises("limit", s.read, s)
    assert.are.equal("stream.read", e.op)
    raises("limit", s.read, s, "L")
    assert.are.equal("0123456789a\nrest", s:read_some())
  end)

  it("a line without an end raises limit when it is too long already", function()
    local s, t, _ <close> = support.pair { max_line = 10 }
    t:write("0123456789a")
    raises("limit", s.read, s)
    s:set_options { max_line = 11 }
    t:write("\n")
    assert.are.equal("0123456789a", s:read())
  end)

  it("read_until keeps to its own limit, separator included", function()
    local s, t, _ <close> = support.pair()
    t:write("abcd;efgh;")
    assert.are.equal("abcd;", s:read_until(";", 5))
    raises("limit", s.read_until, s, ";", 4)
    raises("limit", s.read_until, s, "|", 5)
    assert.are.equal("efgh;", s:read_until(";", 5))
  end)

  it("read a raises limit past max_all and loses nothing", function()
    local s, t, _ <close> = support.pair { max_all = 100000 }
    local text = ("x"):rep(100001)
    go(function() t:write(text):close() end)
    raises("limit", s.read, s, "a")
    assert.are.equal(text, s:read_exact(100001))
    assert.are.equal("", s:read("a"))
  end)

  it("read a may have exactly max_all", function()
    local s, t, _ <close> = support.pair { max_all = 100000 }
    local text = ("x"):rep(100000)
    go(function() t:write(text):close() end)
    assert.are.equal(text, s:read("a"))
  end)

  it("a read with several formats that fails has taken nothing", function()
    local s, t, _ <close> = support.pair { max_line = 5 }
    t:write("one\nfar too long\n")
    raises("limit", s.read, s, "l", "l")
    assert.are.equal("one\nfar too long\n", s:read_some())
  end)

  it("the default for lines is 1 MiB", function()
    local s, t, _ <close> = support.pair()
    local long = ("x"):rep(1024 * 1024)
    local writing = go(function() t:write(long, "\n", long, "x\n"):close() end)
    assert.are.equal(long, s:read())
    raises("limit", s.read, s)
    assert.are.equal(long .. "x\n", s:read("a"))
    ends("done", writing)
  end)

  it("options must make sense", function()
    for _, opts in ipairs {
      { max_line = 0 }, { max_all = -1 }, { high_water = 1.5 }, { low_water = "x" },
      { high_water = 10, low_water = 11 }, { timeout = -1 }, { timeout = 0 / 0 }, { timeout = "x" },
    } do
      misuse(net.pair, opts)
    end
    local s <close> = net.pair()
    misuse(s.set_options, s, { max_line = 0 })
    misuse(s.set_options, s)
  end)
end)

describe("one reader", function()
  it("at a time: a second one gets busy, the first goes on", function()
    local s, t, _ <close> = support.pair()
    local first = go(s.read, s)
    testing.settle()
    local e = raises("busy", s.read_some, s)
    assert.are.equal("stream.read", e.op)
    raises("busy", s.lines(s))
    t:write("line\n")
    assert.are.equal("line", first:await())
    t:write("next\n")
    assert.are.equal("next", s:read())
  end)

  it("after another: who was cancelled is no longer in the way", function()
    local s, t, _ <close> = support.pair()
    local first = go(s.read, s)
    testing.settle()
    first:cancel()
    ends("cancelled", first)
    t:write("line\n")
    assert.are.equal("line", s:read())
  end)

  it("and a writer beside it, on both ends", function()
    support.on_both_kinds(function(one, other)
      local reading = { go(one.read, one, "l"), go(other.read, other, "l") }
      testing.settle()
      one:write("to the other\n")
      other:write("to the one\n")
      assert.are.equal("to the one", reading[1]:await())
      assert.are.equal("to the other", reading[2]:await())
    end)
  end)
end)

describe("a fast peer", function()
  it("does not keep others from running", function()
    local s, t, _ <close> = support.tcp_pair()
    local writing = go(function()
      for _ = 1, 8 do t:write(support.FLOOD) end
      t:close()
    end)
    local ticks = 0
    local ticker = go(function()
      while true do
        lull.sleep(0.001)
        ticks = ticks + 1
      end
    end)
    ends("done", support.drained(s))
    ticker:cancel()
    ends("done", writing)
    assert.is_true(ticks >= 3, ticks .. " ticks")
  end)
end)
