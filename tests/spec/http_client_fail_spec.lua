--- http_client_fail_spec.lua: what goes wrong, and how it is told.

local http = require "lull.http"
local lull = require "lull"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_http.lua")
local go, ends, raises = support.go, support.ends, support.raises

--- A peer that answers every request with these bytes, and closes.
local function saying(bytes)
  return support.raw(function(stream)
    support.read_head(stream)
    stream:write(bytes)
  end)
end

--- A peer that never answers.
local function silent()
  return support.raw(function(stream) stream:read("a") end)
end

describe("an error of a request", function()
  it("names the request, but neither password nor query, and what was wrong", function()
    local port = support.free_port()
    local e = raises("io", http.get, ("http://me:secret1@127.0.0.1:%d/path?key=secret2#secret3"):format(port))
    assert.are.equal("http.request", e.op)
    assert.are.equal("ECONNREFUSED", e.code)
    assert.is_truthy(e.message:find(("GET http://127.0.0.1:%d/path: "):format(port), 1, true))
    assert.is_nil(tostring(e):find("secret", 1, true))
    assert.is_nil(tostring(e):find("me:", 1, true))
  end)

  it("is of kind dns for a name that does not exist", function()
    local e = raises("dns", http.get, "http://no-such-host.invalid/")
    assert.are.equal("http.request", e.op)
    assert.is_truthy(e.code:find("^EAI_"))
    assert.is_truthy(e.message:find("no-such-host.invalid", 1, true))
  end)

  it("is of kind io when the connection breaks, at whatever stage", function()
    for _, bytes in ipairs {
      "", "HTTP/1.1 2", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Len",
      "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    } do
      local peer <close> = saying(bytes)
      local ok, res = pcall(http.get, peer.url)
      -- What curl takes for the end of a head has no body: it must not be taken for one.
      if ok then assert.are.equal("", res.body) else assert.is_true(lull.is_error(res, "io"), bytes .. tostring(res)) end
    end
  end)

  it("is of kind io when the connection is reset", function()
    local peer <close> = support.raw(function(stream)
      support.read_head(stream)
      stream:write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
      stream:flush()
      stream:abort()
    end)
    raises("io", http.get, peer.url)
    local first <close> = support.raw(function(stream) stream:abort() end)
    raises("io", http.get, first.url)
  end)

  it("has the code of the system's error only where there was one", function()
    local client <close> = http.client()
    local refused = ("http://127.0.0.1:%d/"):format(support.free_port())
    assert.are.equal("ECONNREFUSED", raises("io", client.get, client, refused).code)
    local peer <close> = support.raw(function(stream)
      stream:read_some()
      stream:write("neither HTTP nor SOCKS\r\n")
    end)
    local proxy = ("socks5://127.0.0.1:%d"):format(peer.port)
    assert.is_nil(raises("io", client.get, client, refused, { proxy = proxy }).code)
    local closing <close> = saying ""
    assert.is_nil(raises("io", client.get, client, closing.url).code)
    --- "localhost" may stand for two addresses: one has refused before the other took us.
    local tunnel = ("http://localhost:%d"):format(closing.port)
    assert.is_nil(raises("io", client.get, client, "https://127.0.0.1:1/", { proxy = tunnel }).code)
  end)

  it("is of kind http when the answer is not HTTP", function()
    for _, bytes in ipairs { "SSH-2.0-OpenSSH_9.2\r\n", "garbage\r\n\r\n", "HTTP/9.9 abc\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot hexadecimal\r\n" } do
      local peer <close> = saying(bytes)
      local ok, e = pcall(http.get, peer.url)
      assert.is_false(ok, bytes)
      assert.is_true(lull.is_error(e, "http") or lull.is_error(e, "io"), tostring(e))
    end
  end)

  it("is of kind http when the body is not in the encoding it claims", function()
    local peer <close> = saying("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd")
    raises("http", http.get, peer.url)
  end)

  it("is of kind closed when the client is closed under it, and after", function()
    local peer <close> = silent()
    local client = http.client()
    local task = go(client.get, client, peer.url)
    lull.sleep(0.01)
    client:close()
    ends("failed", task)
    raises("closed", task.result, task)
    raises("closed", client.get, client, peer.url)
    client:close()
  end)
end)

describe("a response that is too large raises limit:", function()
  it("a body of known length, one without, one that is chunked", function()
    local body = ("x"):rep(1000)
    for _, bytes in ipairs {
      "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" .. body, "HTTP/1.1 200 OK\r\n\r\n" .. body,
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n" .. body .. "\r\n0\r\n\r\n",
    } do
      local peer <close> = saying(bytes)
      local e = raises("limit", http.get, peer.url, { max_body = 999 })
      assert.is_truthy(e.message:find("max_body", 1, true))
      assert.are.equal(body, http.get(peer.url, { max_body = 1000 }).body)
    end
  end)

  it("a head with too many fields, or too long", function()
    for _, fields in ipairs { ("X-Field: 1\r\n"):rep(600), ("X-Field: " .. ("x"):rep(4000) .. "\r\n"):rep(100) } do
      local peer <close> = saying("HTTP/1.1 200 OK\r\n" .. fields .. "Content-Length: 0\r\n\r\n")
      raises("limit", http.get, peer.url)
    end
  end)

  it("a field, or a trailer, that is longer than curl itself takes", function()
    local long = "X-Field: " .. ("x"):rep(1024 * 1024) .. "\r\n"
    local head <close> = saying("HTTP/1.1 200 OK\r\n" .. long .. "Content-Length: 0\r\n\r\n")
    local e = raises("limit", http.get, head.url)
    assert.is_truthy(e.message:find("the response's head is too long", 1, true), e.message)
    local trailer <close> = saying("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
      .. long .. "\r\n")
    e = raises("limit", http.get, trailer.url)
    assert.is_truthy(e.message:find("trailers are too long", 1, true), e.message)
  end)

  it("heads that come without end", function()
    local peer <close> = support.raw(function(stream)
      support.read_head(stream)
      pcall(function()
        stream:write("HTTP/1.1 200 OK\r\n")
        while true do stream:write("X-Field: " .. ("x"):rep(1000) .. "\r\n") end
      end)
    end)
    raises("limit", http.get, peer.url)
  end)
end)

it("a request whose head is longer than curl takes raises limit", function()
  local peer <close> = silent()
  local e = raises("limit", http.get, peer.url, { headers = { ["X-Field"] = ("x"):rep(2 * 1024 * 1024) } })
  assert.is_truthy(e.message:find("the request's head is too long", 1, true), e.message)
end)

describe("a time limit", function()
  it("on everything raises timeout and closes the connection", function()
    support.patiently(function(seconds) -- enough to connect
      local over = lull.future()
      local peer <close> = support.raw(function(stream)
        stream:read("a")
        over:set()
      end)
      local e = raises("timeout", http.get, peer.url .. "/?secret", { timeout = seconds })
      assert.are.equal("http.request", e.op)
      assert.is_truthy(e.message:find(("it took longer than %g s in all"):format(seconds), 1, true), e.message)
      assert.is_nil(e.message:find("secret", 1, true))
      lull.timeout(10, over.await, over)
    end)
  end)

  it("on the first byte does not count what follows", function()
    local quiet <close> = silent()
    local e = raises("timeout", http.get, quiet.url, { timeout = { first_byte = 0.02 } })
    assert.is_truthy(e.message:find("no answer came for 0.02 s", 1, true))
    support.patiently(function(seconds)
      local slow <close> = support.raw(function(stream)
        support.read_head(stream)
        stream:write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
        lull.sleep(2 * seconds)
        stream:write("ok")
        stream:flush()
      end)
      assert.are.equal("ok", http.get(slow.url, { timeout = { first_byte = seconds } }).body)
    end)
  end)

  it("on idling is for each pause, not for all", function()
    support.patiently(function(seconds)
      local peer <close> = support.raw(function(stream)
        support.read_head(stream)
        stream:write("HTTP/1.1 200 OK\r\n\r\n")
        for _ = 1, 10 do
          lull.sleep(seconds / 8)
          stream:write("x")
          stream:flush()
        end
        stream:shutdown()
      end)
      assert.are.equal(10, #http.get(peer.url, { timeout = { idle = seconds } }).body)
    end)
    local stuck <close> = support.raw(function(stream)
      support.read_head(stream)
      stream:write("HTTP/1.1 200 OK\r\n\r\nx")
      stream:read("a")
    end)
    local e = raises("timeout", http.get, stuck.url, { timeout = { idle = 0.02 } })
    assert.is_truthy(e.message:find("nothing more of the body", 1, true))
  end)

  it("on idling is for who reads a streamed body", function()
    support.patiently(function(seconds)
      local go_on = lull.future()
      local peer <close> = support.raw(function(stream)
        support.read_head(stream)
        stream:write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nx")
        go_on:await()
        stream:write("y")
        stream:read("a")
      end)
      local res <close> = http.get(peer.url, { stream = true, timeout = { idle = seconds } })
      lull.sleep(2 * seconds)
      assert.are.equal("x", res:read_some())
      go_on:set()
      assert.are.equal("y", res:read_some())
    end)
    local stuck <close> = support.raw(function(stream)
      support.read_head(stream)
      stream:write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nx")
      stream:read("a")
    end)
    local other <close> = http.get(stuck.url, { stream = true, timeout = { idle = 0.03 } })
    assert.are.equal("x", other:read_some())
    raises("timeout", other.read_some, other)
  end)

  it("of the task is another one: a deadline around the request", function()
    local peer <close> = silent()
    raises("timeout", lull.timeout, 0.02, http.get, peer.url)
    assert.is_false((lull.move_on_after(0.02, http.get, peer.url)))
  end)

  it("on connecting counts TLS, and is named", function()
    support.patiently(function(seconds)
      local peer <close> = silent()
      local e = raises("timeout", http.get, (peer.url:gsub("http:", "https:")), { timeout = { connect = seconds } })
      assert.is_truthy(e.message:find(("connecting with TLS took longer than %g s"):format(seconds), 1, true), e.message)
    end)
  end)

  it("on connecting does not count waiting for a connection", function()
    support.patiently(function(seconds)
      local peer <close> = support.raw(support.answering(function()
        lull.sleep(2 * seconds)
        return support.response("200 OK", "ok")
      end))
      local client <close> = http.client { max_connections = 1, timeout = { connect = seconds } }
      local function get() return client:get(peer.url).body end
      assert.are.same({ "ok", "ok", "ok" }, { lull.gather(get, get, get) })
      assert.are.equal(1, peer.count)
    end)
  end)
end)

describe("retries", function()
  --- A peer whose answers are these, one for each request; the last one again and again.
  local function answers(...)
    local list, count = { ... }, 0
    local peer
    peer = support.raw(support.answering(function()
      count = count + 1
      peer.requests = count
      return list[math.min(count, #list)] or nil
    end))
    return peer
  end
  local OK <const> = support.response("200 OK", "ok")
  local BUSY <const> = support.response("503 Busy", "busy")
  local QUICK <const> = { max = 3, backoff = 0.001 }

  it("are made after a status that says so, and after a broken connection", function()
    local peer <close> = answers(BUSY, BUSY, OK)
    assert.are.equal("ok", http.get(peer.url, { retries = QUICK }).body)
    assert.are.equal(3, peer.requests)
    local broken <close> = answers(false, false, OK)
    assert.are.equal("ok", http.get(broken.url, { retries = QUICK }).body)
  end)

  it("come to an end: then it is the response, or the error", function()
    local peer <close> = answers(BUSY)
    assert.are.equal(503, http.get(peer.url, { retries = QUICK }).status)
    assert.are.equal(4, peer.requests)
    local e = raises("io", http.get, ("http://127.0.0.1:%d/"):format(support.free_port()), { retries = QUICK })
    assert.are.equal("ECONNREFUSED", e.code)
  end)

  it("are not made unless asked for", function()
    local peer <close> = answers(BUSY)
    assert.are.equal(503, http.get(peer.url).status)
    assert.are.equal(1, peer.requests)
  end)

  it("are made of methods that may be repeated, unless it is said otherwise", function()
    local peer <close> = answers(BUSY, OK)
    assert.are.equal(503, http.post(peer.url, { retries = QUICK, body = "x" }).status)
    local again <close> = answers(BUSY, OK)
    assert.are.equal(200, http.post(again.url, {
      retries = { max = 1, backoff = 0.001, any_method = true }, body = "x",
    }).status)
    local put <close> = answers(BUSY, OK)
    assert.are.equal(200, http.put(put.url, { retries = QUICK, body = "x" }).status)
  end)

  it("are not made for other reasons than those named", function()
    local peer <close> = answers(BUSY, support.response("418 Teapot", ""), OK)
    assert.are.equal(418, http.get(peer.url, { retries = QUICK }).status)
    local teapot <close> = answers(support.response("418 Teapot", ""), OK)
    assert.are.equal(200, http.get(teapot.url, { retries = { max = 1, backoff = 0.001, on = { 418 } } }).status)
  end)

  it("wait as long as the server asks for, within bounds", function()
    local soon <close> = answers(support.response("503 Busy", "", "Retry-After: 0"), OK)
    assert.are.equal(200, http.get(soon.url, { retries = { max = 1, backoff = 60 } }).status)
    local late <close> = answers(support.response("503 Busy", "", "Retry-After: 3600"), OK)
    assert.are.equal(503, http.get(late.url, { retries = { max = 1, max_wait = 10 } }).status)
    local date <close> = answers(support.response("503 Busy", "", "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT"), OK)
    assert.are.equal(200, http.get(date.url, { retries = { max = 1, backoff = 60 } }).status)
  end)

  it("end with the time for everything", function()
    support.patiently(function(seconds)
      local peer <close> = answers(BUSY)
      local res = http.get(peer.url, { retries = { max = 1000, backoff = seconds / 5 }, timeout = 4 * seconds })
      assert.are.equal(503, res.status)
    end)
  end)
end)
