--- http_client_stream_spec.lua: bodies that come and go piece by piece.

local http = require "lull.http"
local lull = require "lull"
local testing = require "lull.testing"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_http.lua")
local go, ends, raises = support.go, support.ends, support.raises

local MIB <const> = 1024 * 1024

--- A peer that hands each connection to fn(stream) after the head of the request.
local function after_head(fn)
  return support.raw(function(stream)
    support.read_head(stream)
    fn(stream)
  end)
end

local function chunk(bytes)
  return ("%x\r\n%s\r\n"):format(#bytes, bytes)
end

local CHUNKED <const> = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

--- A peer that answers with these pieces, each as a chunk.
local function chunks(...)
  local pieces = { ... }
  return after_head(function(stream)
    stream:write(CHUNKED)
    for _, piece in ipairs(pieces) do
      stream:write(chunk(piece))
      lull.sleep(0.002) -- so that they do not come as one
    end
    stream:write(chunk(""))
  end)
end

describe("a streamed response", function()
  it("is there when its head is", function()
    local go_on = lull.future()
    local peer <close> = after_head(function(stream)
      stream:write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
      go_on:await()
      stream:write("hello")
    end)
    local res <close> = http.get(peer.url, { stream = true })
    assert.are.equal(200, res.status)
    assert.is_nil(res.body)
    go_on:set()
    assert.are.equal("hello", res:read_some())
    assert.is_nil(res:read_some())
    assert.is_nil(res:read_some())
  end)

  it("is read in pieces of at most so many bytes", function()
    local peer <close> = chunks("hello world")
    local res <close> = http.get(peer.url, { stream = true })
    assert.are.equal("hel", res:read_some(3))
    assert.are.equal("lo", res:read_some(2))
    assert.are.equal(" world", res:read_some(100))
    assert.is_nil(res:read_some(100))
  end)

  it("is read like a file", function()
    local peer <close> = chunks("one\ntw", "o\nth", "ree\n", "fourfive")
    local res <close> = http.get(peer.url, { stream = true })
    local one, two = res:read("l", "L")
    assert.are.same({ "one", "two\n" }, { one, two })
    assert.are.equal("thr", res:read(3))
    assert.are.equal("ee\n", res:read_until("\n"))
    assert.are.equal("four", res:read_exact(4))
    assert.are.equal("", res:read(0))
    assert.are.equal("five", res:read("a"))
    assert.are.equal("", res:read("a"))
    assert.is_nil(res:read("l"))
    assert.is_nil(res:read(0))
    assert.is_nil(res:read_exact(1))
  end)

  it("ends in the middle of read_exact and read_until with eof and what there was", function()
    local peer <close> = chunks("abc")
    local res = http.get(peer.url, { stream = true })
    assert.are.equal("abc", raises("eof", res.read_exact, res, 5).partial)
    res = http.get(peer.url, { stream = true })
    assert.are.equal("abc", raises("eof", res.read_until, res, "x").partial)
  end)

  it("finds separators that lie across pieces", function()
    local peer <close> = chunks("a-", "-", "-b--", "--c", "-")
    local res <close> = http.get(peer.url, { stream = true })
    assert.are.equal("a---", res:read_until("---"))
    assert.are.equal("b---", res:read_until("---"))
    assert.are.equal("-c-", res:read("a"))
  end)

  it("keeps what was read before a limit", function()
    local peer <close> = chunks("abc", "defgh")
    local res <close> = http.get(peer.url, { stream = true })
    raises("limit", res.read_until, res, "h", 5)
    assert.are.equal("abcdefgh", res:read("a"))
  end)

  it("can be iterated over by lines", function()
    local peer <close> = chunks("one\n", "two\n\nthr", "ee")
    local res <close> = http.get(peer.url, { stream = true })
    local lines = {}
    for line in res:lines() do lines[#lines + 1] = line end
    assert.are.same({ "one", "two", "", "three" }, lines)
  end)

  it("holds the server up while nobody reads, and goes on when somebody does", function()
    local sent, total = 0, 16 * MIB
    local peer <close> = after_head(function(stream)
      stream:write(("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"):format(total))
      local piece = ("x"):rep(65536)
      while sent < total do
        stream:write(piece)
        sent = sent + #piece
      end
    end)
    local res <close> = http.get(peer.url, { stream = true })
    local before
    repeat
      before = sent
      lull.sleep(0.02)
    until sent == before
    assert.is_true(sent < total, "everything was taken in")
    local count = 0
    for piece in function() return res:read_some() end do
      count = count + #piece
      assert.is_true(#piece <= MIB)
    end
    assert.are.equal(total, count)
  end)

  it("does not stop others of its client while nobody reads it", function()
    local peer <close> = support.raw(function(stream)
      for first in support.read_head, stream do
        if first:find("/big", 1, true) then
          stream:write("HTTP/1.1 200 OK\r\n\r\n")
          pcall(function()
            while true do stream:write(("x"):rep(65536)) end
          end)
          return
        end
        stream:write(support.response("200 OK", "small"))
      end
    end)
    local client <close> = http.client()
    local res <close> = client:get(peer.url .. "/big", { stream = true })
    for _ = 1, 5 do assert.are.equal("small", client:get(peer.url).body) end
    assert.is_truthy(res:read_some())
  end)

  it("is decompressed, piece by piece", function()
    local plain = ("lull "):rep(100000)
    local dir <close> = support.temp_dir()
    support.write_file(dir.path .. "/plain", plain)
    os.execute("gzip -k " .. dir.path .. "/plain")
    local gzipped = support.read_file(dir.path .. "/plain.gz")
    local peer <close> = after_head(function(stream)
      stream:write(("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"):format(#gzipped))
      for at = 1, #gzipped, 100 do stream:write(gzipped:sub(at, at + 99)) end
    end)
    assert.are.equal(plain, http.get(peer.url).body)
    assert.are.equal(plain, http.get(peer.url, { stream = true }):read("a"))
    assert.are.equal(gzipped, http.get(peer.url, { headers = { ["Accept-Encoding"] = "gzip" } }).body)
  end)

  it("may be compressed in any way that curl knows", function()
    local found, compress = pcall(require, "lull.compress")
    if not found then return pending("needs lull.compress") end
    local plain = ("lull "):rep(100000)
    for _, name in ipairs(compress.names()) do
      local peer <close> = after_head(function(stream)
        local bytes = compress.encode(name, plain)
        stream:write(("HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n"):format(
          name, #bytes), bytes)
      end)
      assert.are.equal(plain, http.get(peer.url).body, name)
      assert.are.equal(plain, http.get(peer.url, { stream = true }):read("a"), name)
    end
  end)

  it("raises limit when a few bytes expand to what nobody can hold", function()
    local found, encoder = pcall(function() return require "lull.compress".new "zstd" end)
    if not found then return pending("needs zstd") end
    local pieces = {}
    for i = 1, 100 do pieces[i] = encoder:write(("\0"):rep(MIB)) end
    local bomb = table.concat(pieces) .. encoder:finish()
    local peer <close> = after_head(function(stream)
      pcall(stream.write, stream, ("HTTP/1.1 200 OK\r\nContent-Encoding: zstd\r\nContent-Length: %d\r\n\r\n"):format(
        #bomb), bomb)
    end)
    raises("limit", http.get, peer.url)
    local res <close> = http.get(peer.url, { stream = true })
    raises("limit", function()
      while res:read_some() do end
    end)
  end)

  it("that is a bomb comes in pieces all the same", function()
    local dir <close> = support.temp_dir()
    os.execute(("head -c %d /dev/zero | gzip > %s/bomb"):format(64 * MIB, dir.path))
    local bomb = support.read_file(dir.path .. "/bomb")
    local peer <close> = after_head(function(stream)
      stream:write(("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"):format(#bomb))
      stream:write(bomb)
    end)
    local res <close> = http.get(peer.url, { stream = true })
    local count = 0
    for piece in function() return res:read_some() end do count = count + #piece end
    assert.are.equal(64 * MIB, count)
    raises("limit", http.get, peer.url, { max_body = 4 * MIB })
    local limited <close> = http.get(peer.url, { stream = true, max_body = MIB })
    raises("limit", function()
      while limited:read_some() do end
    end)
  end)

  it("raises what breaks it off, again and again, after what came", function()
    local peer <close> = after_head(function(stream)
      stream:write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
    end)
    local res <close> = http.get(peer.url, { stream = true })
    assert.are.equal("hello", res:read_some())
    assert.are.equal("http.read", raises("io", res.read_some, res).op)
    raises("io", res.read_some, res)
  end)

  it("that is closed raises closed, also in who waits for it", function()
    local peer <close> = after_head(function(stream)
      stream:write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
      stream:read("a")
    end)
    local res = http.get(peer.url, { stream = true })
    assert.are.equal("hello", res:read_some())
    local reading = go(res.read_some, res)
    testing.settle()
    res:close()
    ends("failed", reading)
    raises("closed", reading.result, reading)
    raises("closed", res.read_some, res)
    res:close()
  end)

  it("has one reader at a time", function()
    local peer <close> = after_head(function(stream)
      stream:write("HTTP/1.1 200 OK\r\n\r\n")
      stream:read("a")
    end)
    local res <close> = http.get(peer.url, { stream = true })
    local first = go(res.read_some, res)
    testing.settle()
    raises("busy", res.read_some, res)
    first:cancel()
    ends("cancelled", first)
  end)

  it("loses nothing when a read is cancelled", function()
    local go_on = lull.future()
    local peer <close> = after_head(function(stream)
      stream:write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
      go_on:await()
      stream:write("hello")
    end)
    local res <close> = http.get(peer.url, { stream = true })
    for _ = 1, 3 do
      assert.is_false((lull.move_on_after(0.001, res.read_some, res)))
    end
    go_on:set()
    assert.are.equal("hello", res:read("a"))
  end)

  it("closes its connection when it is collected", function()
    local over = lull.future()
    local peer <close> = after_head(function(stream)
      stream:write("HTTP/1.1 200 OK\r\n\r\n")
      stream:read("a")
      over:set()
    end)
    local client <close> = http.client()
    do
      local res = client:get(peer.url, { stream = true })
      assert.are.equal(200, res.status)
    end
    collectgarbage()
    collectgarbage()
    lull.timeout(20, over.await, over)
  end)
end)

describe("server-sent events", function()
  local function events_of(...)
    local peer <close> = chunks(...)
    local res <close> = http.get(peer.url, { stream = true })
    local list = {}
    for event in res:events() do list[#list + 1] = event end
    return list
  end

  it("have data, a type, an id and a time to wait", function()
    assert.are.same({
      { data = "one", event = "message", id = "" },
      { data = "two\nlines", event = "sum", id = "7" },
      { data = "three", event = "message", id = "7", retry = 250 },
    }, events_of("data: one\n\n", "event: sum\nid: 7\ndata: two\ndata:lines\n\n", "retry: 250\ndata: three\n\n"))
  end)

  it("are parsed across pieces, with every kind of line end and a mark in front", function()
    assert.are.same({
      { data = "a", event = "message", id = "" }, { data = "b", event = "message", id = "" },
      { data = "c", event = "message", id = "" },
    }, events_of("\xEF", "\xBB\xBFdata: a\r", "\n\r\n", "da", "ta: b\r\r", "data: c\n", "\n"))
  end)

  it("ignore comments, unknown fields, bad numbers, and what is not ended", function()
    assert.are.same({
      { data = "", event = "message", id = "" }, { data = " x", event = "message", id = "" },
    }, events_of(":comment\n\n", "data\n\n", "other: 1\nretry: soon\nid: a\0b\ndata:  x\n\n", "event: y\n\n", "data: lost"))
  end)
end)

describe("a streamed request", function()
  --- A peer that reads a chunked body to its end and answers with it.
  local function swallowing()
    return support.raw(function(stream)
      local _, fields = support.read_head(stream)
      local pieces = {}
      if fields["transfer-encoding"] == "chunked" then
        repeat
          local size = tonumber(stream:read("l"):match("%x+"), 16)
          pieces[#pieces + 1] = stream:read_exact(size)
          stream:read("l")
        until size == 0
      else
        pieces[1] = stream:read_exact(tonumber(fields["content-length"]))
      end
      local body = table.concat(pieces)
      stream:write(support.response("200 OK", body, "X-Length: " .. (fields["content-length"] or "chunked")))
    end)
  end

  it("takes its body from a function", function()
    local peer <close> = swallowing()
    local list = { "one", "", "two", "three" }
    local res = http.post(peer.url, { body = function() return table.remove(list, 1) end })
    assert.are.equal("onetwothree", res.body)
    assert.are.equal("chunked", res.headers["x-length"])
  end)

  it("has a Content-Length when it is told", function()
    local peer <close> = swallowing()
    local list = { "one", "two" }
    local res = http.put(peer.url, {
      body = function() return table.remove(list, 1) end, headers = { ["Content-Length"] = 6 },
    })
    assert.are.equal("onetwo", res.body)
    assert.are.equal("6", res.headers["x-length"])
  end)

  it("takes its body from a stream, a file, another response", function()
    local peer <close> = swallowing()
    local p, q <close> = support.pair()
    local _ <close> = p
    go(function()
      p:write("from a stream")
      p:shutdown()
    end)
    assert.are.equal("from a stream", http.post(peer.url, { body = q }).body)
    local dir <close> = support.temp_dir()
    local file <close> = io.open(support.write_file(dir.path .. "/file", "from a file"))
    assert.are.equal("from a file", http.post(peer.url, { body = file }).body)
    local source <close> = chunks("from ", "a response")
    local res <close> = http.get(source.url, { stream = true })
    assert.are.equal("from a response", http.post(peer.url, { body = res }).body)
  end)

  it("may wait in its function, and is not read ahead of the server", function()
    local go_on, made = lull.future(), 0
    local peer <close> = support.raw(function(stream)
      support.read_head(stream)
      go_on:await()
      stream:read_until("0\r\n\r\n", 64 * MIB)
      stream:write(support.response("200 OK", "done"))
    end)
    local piece = ("x"):rep(MIB)
    local request = go(http.post, peer.url, { body = function()
      lull.yield()
      made = made + 1
      return made <= 32 and piece or nil
    end })
    local before
    repeat
      before = made
      lull.sleep(0.02)
    until made == before
    assert.is_true(made < 32, "the whole body was taken in")
    go_on:set()
    assert.are.equal("done", request:await().body)
    assert.are.equal(33, made)
  end)

  it("raises what its function raises, and lets go of the connection", function()
    local over = lull.future()
    local peer <close> = support.raw(function(stream)
      stream:read("a")
      over:set()
    end)
    local mine = {}
    local ok, e = pcall(http.post, peer.url, { body = function() error(mine, 0) end })
    assert.is_false(ok)
    assert.are.equal(mine, e)
    lull.timeout(20, over.await, over)
  end)

  it("of anything but strings is refused", function()
    local peer <close> = support.raw(function(stream) stream:read("a") end)
    local ok, e = pcall(http.post, peer.url, { body = function() return 1 end })
    assert.is_false(ok)
    assert.is_truthy(tostring(e):find("strings", 1, true))
  end)

  it("is stopped when the server answers before its end", function()
    local peer <close> = support.raw(function(stream)
      support.read_head(stream)
      stream:write("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")
      stream:shutdown()
      pcall(stream.read, stream, "a")
    end)
    local res = http.post(peer.url, { body = function()
      lull.sleep(0.001)
      return "more"
    end })
    assert.are.equal(413, res.status)
    assert.are.equal("big", res.body)
  end)

  it("may be answered while it is sent", function()
    local peer <close> = support.raw(function(stream)
      support.read_head(stream)
      stream:write(CHUNKED)
      repeat
        local size = tonumber(stream:read("l"):match("%x+"), 16)
        local piece = stream:read_exact(size)
        stream:read("l")
        stream:write(chunk(piece))
      until size == 0
    end)
    local questions = require "lull.sync".channel()
    local res <close> = http.post(peer.url, { stream = true, body = questions:items() })
    for _, question in ipairs { "one", "two" } do
      questions:send(question)
      assert.are.equal(question, res:read_some())
    end
    questions:close()
    assert.is_nil(res:read_some())
  end)

  it("ends with its task", function()
    local peer <close> = support.raw(function(stream)
      pcall(stream.read, stream, "a")
    end)
    local task = go(http.post, peer.url, { body = function()
      lull.sleep(0.001)
      return "x"
    end })
    lull.sleep(0.01)
    task:cancel()
    ends("cancelled", task)
  end)
end)
