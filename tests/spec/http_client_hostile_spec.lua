--- http_client_hostile_spec.lua: servers that mean harm.  Whatever they do, the request ends with the
--- right kind of error, in bounded memory, and nothing is left of it.

local compress = require "lull.compress"
local core = require "lull.core"
local http = require "lull.http"
local lull = require "lull"
local net = require "lull.net"
local testing = require "lull.testing"

local here = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local support = dofile(here .. "support_http.lua")
local tls = dofile(here .. "support_tls.lua")
local raises = support.raises

local MIB <const> = 1024 * 1024

--- Call fn(client) with a client of its own; then nothing that was opened meanwhile is open.
local function leaving_nothing(fn, opts)
  collectgarbage()
  testing.settle()
  local before <const> = core.handles()
  do
    local client <close> = http.client(opts)
    fn(client)
  end
  for _ = 1, 200 do -- the other end's handlers end on their own
    collectgarbage()
    if core.handles() <= before then break end
    lull.sleep(0.005)
  end
  assert.are.equal(before, core.handles())
end

--- A peer that answers each request on a connection with these bytes, and stays.
local function saying(bytes)
  return support.raw(function(stream)
    pcall(function()
      while support.read_head(stream) do stream:write(bytes) end
    end)
  end)
end

--- A peer that says `head`, and then `more` as long as somebody listens.
local function endless(head, more)
  return support.raw(function(stream)
    support.read_head(stream)
    pcall(function()
      stream:write(head)
      while true do stream:write(more) end
    end)
  end)
end

-- ---- TLS ----

describe("a bad certificate is tls, and its code says what is bad:", function()
  local function page(stream)
    tls.echo(stream)
  end

  local bad <const> = {
    { "expired", "expired", "CERT_EXPIRED" },
    { "not valid yet", "future", "CERT_NOT_YET_VALID" },
    { "of another name", "other", "HOSTNAME_MISMATCH" },
    { "without a name", "noname", "HOSTNAME_MISMATCH" },
    { "self-signed", "self", "SELF_SIGNED" },
    { "without its chain", "alone", "UNKNOWN_CA", key = "server" },
    { "of an unknown authority", "server", "UNKNOWN_CA", opts = { ca_file = "rogue.pem" } },
    { "of an authority that the system does not know", "server", "UNKNOWN_CA", opts = {} },
    { "revoked", "revoked", "CERT_REVOKED", opts = { ca_file = "ca.pem", crl_file = "crl.pem" } },
    { "that cannot be checked for revocation", "server", "CRL_EXPIRED",
      opts = { ca_file = "ca.pem", crl_file = "oldcrl.pem" } },
    { "with a weak key", "weakkey", "WEAK" },
    { "with a weak signature", "weaksig", "WEAK" },
    { "made for clients", "purpose", "WRONG_PURPOSE" },
  }
  for _, case in ipairs(bad) do
    it(case[1], function()
      -- Our own server refuses what is weak.
      local weak <const> = case[3] == "WEAK"
      local process, server, port
      if weak then
        if not support.has "openssl" then return pending("needs openssl") end
        port = support.free_port()
        process = tls.background(("openssl s_server -accept 127.0.0.1:%d -cipher DEFAULT@SECLEVEL=0 "
          .. "-cert %s -key %s -cert_chain %s -www"):format(port, tls.file(case[2] .. ".crt"),
          tls.file(case[2] .. ".key"), tls.file "inter.crt"))
        tls.patient(port):close()
      else
        server = net.serve({ tls = { cert = tls.file(case[2] .. ".pem"),
          key = tls.file((case.key or case[2]) .. ".key") } }, page)
        port = server.port
      end
      local _ <close> = server or process
      leaving_nothing(function(client)
        local opts <const> = {}
        for name, file in pairs(case.opts or { ca_file = "ca.pem" }) do opts[name] = tls.file(file) end
        local url <const> = ("https://localhost:%d/"):format(port)
        local e <const> = raises("tls", client.get, client, url, opts)
        assert.are.equal(case[3], e.code, e.message)
        assert.is_truthy(e.message:find("localhost", 1, true))
        assert.are.equal("http.request", e.op)
      end)
    end)
  end
end)

describe("TLS that is cut", function()
  --- Between our client and a server with TLS: lets so many bytes of the server through, and ends
  --- in this way.
  local function cutter(port, limit, way)
    local peer
    peer = support.raw(function(stream)
      local far <close> = net.connect("127.0.0.1", port)
      local there <const> = lull.async(pcall)(function()
        for piece in function() return stream:read_some() end do far:write(piece) end
      end)
      peer.total = 0
      pcall(function()
        while peer.total < limit do
          local piece <const> = far:read_some(math.min(limit - peer.total, 65536))
          if not piece then break end
          peer.total = peer.total + #piece
          stream:write(piece)
          stream:flush()
        end
        stream[way](stream)
      end)
      there:cancel()
    end)
    return peer
  end

  for _, way in ipairs { "shutdown", "abort" } do
    it("by " .. way .. " is an error wherever it happens, also where the body has no length", function()
      local server <close> = net.serve({ tls = tls.identity "server" }, function(stream)
        support.read_head(stream)
        stream:write("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", ("x"):rep(1000))
      end)
      local opts <const> = { ca_file = tls.file "ca.pem", retries = false }
      leaving_nothing(function(client)
        local url <const> = "https://localhost:%d/"
        local meter <close> = cutter(server.port, 1000000, "shutdown")
        assert.are.equal(1000, #client:get(url:format(meter.port), opts).body)
        local total <const> = meter.total
        for limit = 0, total - 60, 150 do
          local peer <close> = cutter(server.port, limit, way)
          local ok <const>, e <const> = pcall(client.get, client, url:format(peer.port), opts)
          --- A session that is resumed is shorter, and may be over before it is cut.
          if peer.total >= limit then
            assert.is_false(ok, ("%d bytes of %d were enough"):format(limit, total))
            assert.is_true(lull.is_error(e, "tls") or lull.is_error(e, "io"), tostring(e))
          end
        end
      end)
    end)
  end
end)

-- ---- connections ----

describe("a reset", function()
  it("is an error wherever it comes, and never half a response", function()
    local whole <const> = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n"
      .. "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nTrailer: x\r\n\r\n"
    leaving_nothing(function(client)
      for size = 0, #whole - 1 do
        local peer <close> = support.raw(function(stream)
          support.read_head(stream)
          stream:write(whole:sub(1, size))
          stream:flush()
          stream:abort()
        end)
        local ok <const>, e <const> = pcall(client.get, client, peer.url)
        assert.is_false(ok, size)
        assert.is_true(lull.is_error(e, "io"), size .. tostring(e))
      end
      local peer <close> = saying(whole)
      assert.are.equal("hello world", client:get(peer.url).body)
    end)
  end)

  it("while a body is sent is an error", function()
    leaving_nothing(function(client)
      local peer <close> = support.raw(function(stream)
        support.read_head(stream)
        stream:read_some()
        stream:abort()
      end)
      raises("io", client.post, client, peer.url, { body = support.FLOOD })
      raises("io", client.post, client, peer.url, { body = function() return ("x"):rep(100000) end })
    end)
  end)
end)

describe("out of descriptors", function()
  it("a request is io with EMFILE, and later ones go well", function()
    local output <const>, code <const> = support.program([[
      local lull, net, http = require "lull", require "lull.net", require "lull.http"
      local server = net.serve({}, function(stream)
        stream:read_until "\r\n\r\n"
        stream:write "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
      end)
      local url = "http://127.0.0.1:" .. server.port
      local client = http.client()
      print(client:get(url).body)
      local hogs = {}
      while true do
        local ok, file = pcall(function() return assert(io.open("/dev/null")) end)
        if not ok then break end
        hogs[#hogs + 1] = file
      end
      for _ = 1, 3 do
        local ok, e = pcall(client.get, client, url)
        print(ok, lull.is_error(e) and e.kind)
      end
      for _, hog in ipairs(hogs) do hog:close() end
      print(client:get(url).body)
      client:close()
      server:close()]], support.FEW_DESCRIPTORS)
    assert.are.equal("ok\nfalse\tio\nfalse\tio\nfalse\tio\nok\n", output)
    assert.are.equal(0, code)
  end)
end)

describe("a child of the program", function()
  it("gets no connection", function()
    local function inherited() return tonumber(support.output_of "ls -l /proc/self/fd | grep -c socket:") end
    local peer <close> = saying(support.response("200 OK", "ok"))
    local client <close> = http.client()
    local before <const> = inherited()
    client:get(peer.url)
    local res <close> = client:get(peer.url, { stream = true })
    assert.are.equal(200, res.status)
    assert.are.equal(before, inherited())
  end)
end)

-- ---- bombs ----

describe("a decompression bomb", function()
  local SIZE <const> = 256 * MIB

  --- SIZE zeros, in this coding so many times.
  local bombs <const> = {}
  local function bomb(coding, times)
    local key <const> = coding .. times
    if not bombs[key] then
      local stream <const> = compress.new(coding, coding == "br" and 5 or 3)
      local pieces <const>, block = {}, ("\0"):rep(MIB)
      for _ = 1, SIZE // MIB do pieces[#pieces + 1] = stream:write(block) end
      pieces[#pieces + 1] = stream:finish()
      local text = table.concat(pieces)
      for _ = 2, times do
        local again <const> = compress.new(coding, 3)
        text = again:write(text) .. again:finish()
      end
      bombs[key] = text
    end
    return bombs[key]
  end

  for _, coding in ipairs { "gzip", "br", "zstd" } do
    for times = 1, 2 do
      it(("of %s, %d deep, stops at max_body"):format(coding, times), function()
        local body <const> = bomb(coding, times)
        local codings <const> = ("Content-Encoding: %s"):format(coding .. (", " .. coding):rep(times - 1))
        local peer <close> = saying(support.response("200 OK", body, codings))
        leaving_nothing(function(client)
          local e <const> = raises("limit", client.get, client, peer.url, { max_body = MIB })
          assert.is_truthy(e.message:find("max_body", 1, true))
          -- In pieces it may be as long as it likes, unless too much of it comes at once.
          local res <close> = client:get(peer.url, { stream = true })
          local ok <const>, failure <const> = pcall(function()
            local total = 0
            while total < 4 * MIB do total = total + #res:read_some(MIB) end
          end)
          assert.is_true(ok or lull.is_error(failure, "limit"), tostring(failure))
        end)
      end)
    end
  end

  it("of very many codings is refused", function()
    local peer <close> = saying(support.response("200 OK", "x", "Content-Encoding: gzip" .. (", gzip"):rep(50)))
    leaving_nothing(function(client)
      raises("http", client.get, client, peer.url)
    end)
  end)
end)

describe("a bomb of", function()
  it("redirections ends", function()
    local peer <close> = saying(support.response("302 Found", "", "Location: /again", "Set-Cookie: a=b"))
    leaving_nothing(function(client)
      local e <const> = raises("http", client.get, client, peer.url)
      assert.is_truthy(e.message:find("redirected", 1, true))
    end)
  end)

  it("interim responses ends", function()
    local peer <close> = endless("", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
    leaving_nothing(function(client)
      raises("limit", client.get, client, peer.url, { timeout = 50 })
    end)
  end)

  it("interim responses ends when the body has not been sent, too", function()
    local peer <close> = endless("", "HTTP/1.1 100 Continue\r\n\r\n")
    leaving_nothing(function(client)
      raises("limit", client.post, client, peer.url, { timeout = 50, body = support.FLOOD,
        headers = { Expect = "100-continue" } })
    end)
  end)

  it("trailers ends", function()
    local peer <close> = endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n",
      "X-Trailer: " .. ("x"):rep(100) .. "\r\n")
    leaving_nothing(function(client)
      raises("limit", client.get, client, peer.url, { timeout = 50 })
    end)
  end)

  it("chunk extensions is silence, and that has its limit", function()
    local peer <close> = endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n1;", ("e"):rep(1000))
    leaving_nothing(function(client)
      support.patiently(function(seconds) -- enough for what comes before
        local opts <const> = { timeout = { idle = 2 * seconds, total = 50 } }
        local ok <const>, e <const> = pcall(client.get, client, peer.url, opts)
        assert.is_false(ok)
        assert.is_true(lull.is_error(e, "timeout"), tostring(e))
        assert.is_truthy(e.message:find("nothing more of the body", 1, true), e.message)
      end)
    end)
  end)

  it("digits of a chunk's size ends", function()
    local peer <close> = endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", ("0"):rep(1000))
    leaving_nothing(function(client)
      local ok <const>, e <const> = pcall(client.get, client, peer.url, { timeout = 50 })
      assert.is_true(not ok and (lull.is_error(e, "io") or lull.is_error(e, "http")), tostring(e))
    end)
  end)

  it("cookies neither fills the jar nor makes requests that no server takes", function()
    local cookies <const> = {}
    for i = 1, 400 do cookies[i] = ("Set-Cookie: name%d=%s"):format(i, ("v"):rep(500)) end
    local sizes <const> = {}
    local peer <close> = support.raw(support.answering(function(_, fields)
      sizes[#sizes + 1] = #(fields.cookie or "")
      return support.response("200 OK", "ok", table.unpack(cookies))
    end))
    leaving_nothing(function(client)
      for _ = 1, 5 do client:get(peer.url) end
      assert.is_true(#client:cookies() <= 400)
      for _, size in ipairs(sizes) do assert.is_true(size <= 8190, size) end
    end)
  end)
end)

-- ---- where a response ends ----

describe("a connection that is kept", function()
  --- The second request gets what is sent after it was made.
  local function second(first_bytes, method)
    local peer <close> = support.raw(function(stream)
      while true do
        local line <const> = support.read_head(stream)
        if not line then return end
        stream:write(line:find("/first", 1, true) and first_bytes or support.response("200 OK", "mine"))
        stream:flush()
      end
    end)
    leaving_nothing(function(client)
      client:request { url = peer.url .. "/first", method = method or "GET" }
      lull.sleep(0.02)
      assert.are.equal("mine", client:get(peer.url .. "/second").body)
    end)
  end
  local FORGED <const> = support.response("200 OK", "forged")

  it("takes no response that comes before its request", function()
    second(support.response("200 OK", "first") .. FORGED)
  end)

  it("takes no body of HEAD for a response", function()
    second("HTTP/1.1 200 OK\r\nContent-Length: " .. #FORGED .. "\r\n\r\n" .. FORGED, "HEAD")
  end)

  it("takes no body of 204 or 304 for a response", function()
    second("HTTP/1.1 204 No Content\r\n\r\n" .. FORGED)
    second("HTTP/1.1 304 Not Modified\r\nContent-Length: " .. #FORGED .. "\r\n\r\n" .. FORGED)
  end)

  it("takes nothing behind the last chunk for a response", function()
    second("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n" .. FORGED)
  end)

  it("takes nothing for a response that came before its request", function()
    for _, bytes in ipairs { "x", FORGED, "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n" } do
      local said
      local function answer(stream)
        while support.read_head(stream) do
          stream:write(support.response("200 OK", "mine"))
          stream:flush()
          lull.sleep(0.01)
          stream:write(bytes)
          stream:flush()
          said:set()
        end
      end
      local peer <close> = support.raw(function(stream) pcall(answer, stream) end)
      leaving_nothing(function(client)
        for i = 1, 3 do
          said = lull.future()
          local res <const> = i % 2 == 1 and client:get(peer.url) or client:post(peer.url, { body = "x" })
          assert.are.equal("mine", res.body)
          said:await()
        end
        assert.are.equal(3, peer.count)
      end)
    end
  end)

  it("is not used when the server has gone meanwhile", function()
    do
      local peer <close> = support.raw(function(stream)
        support.read_head(stream)
        stream:write(support.response("200 OK", "mine"))
        stream:flush()
        lull.sleep(0.01)
        stream:abort()
      end)
      leaving_nothing(function(client)
        for _ = 1, 3 do
          assert.are.equal("mine", client:get(peer.url).body)
          lull.sleep(0.03)
        end
        assert.are.equal(3, peer.count)
      end)
    end
  end)
end)

describe("a response that could be read in two ways is an error:", function()
  local cases <const> = {
    { "two lengths that differ", "Content-Length: 2\r\nContent-Length: 9\r\n\r\nok" },
    { "two lengths that differ, the smaller behind", "Content-Length: 9\r\nContent-Length: 2\r\n\r\nok" },
    { "two lengths in a list", "Content-Length: 2, 9\r\n\r\nok" },
    { "a length with a sign", "Content-Length: +2\r\n\r\nok" },
    { "a negative length", "Content-Length: -2\r\n\r\nok" },
    { "a length that is no number", "Content-Length: two\r\n\r\nok" },
    { "a length in hexadecimal", "Content-Length: 0x2\r\n\r\nok" },
    { "a length beyond all bounds", "Content-Length: 99999999999999999999999\r\n\r\nok" },
    { "a NUL in a field", "X-A: a\0b\r\nContent-Length: 2\r\n\r\nok" },
    { "a chunk's size with a sign", "Transfer-Encoding: chunked\r\n\r\n+2\r\nok\r\n0\r\n\r\n" },
    { "a chunk's size in another form", "Transfer-Encoding: chunked\r\n\r\n0x2\r\nok\r\n0\r\n\r\n" },
    { "a chunk that is longer than it says", "Transfer-Encoding: chunked\r\n\r\n1\r\nok\r\n0\r\n\r\n" },
  }
  for _, case in ipairs(cases) do
    it(case[1], function()
      local peer <close> = support.raw(function(stream)
        support.read_head(stream)
        stream:write("HTTP/1.1 200 OK\r\n" .. case[2])
      end)
      leaving_nothing(function(client)
        local ok <const>, e <const> = pcall(client.get, client, peer.url)
        assert.is_false(ok, ok and e.body)
        assert.is_true(lull.is_error(e, "http") or lull.is_error(e, "io") or lull.is_error(e, "limit"), tostring(e))
      end)
    end)
  end
end)
