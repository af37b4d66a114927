--- http_client_pool_spec.lua: connections that are kept, their limits, cookies, and how a client ends.

local http = require "lull.http"
local lull = require "lull"
local testing = require "lull.testing"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_http.lua")
local go, ends, raises = support.go, support.ends, support.raises

local function repeated(count, fn)
  local list = {}
  for i = 1, count do list[i] = fn end
  return list
end

--- A peer that answers each request when it is told to: `.waiting` are those that wait.
local function patient()
  local peer
  peer = support.raw(support.answering(function()
    local answer = lull.future()
    peer.waiting[#peer.waiting + 1] = answer
    return answer:await()
  end))
  peer.waiting = {}
  return peer
end

--- Wait until so many requests wait there.
local function until_waiting(peer, count)
  for _ = 1, 1000 do
    if #peer.waiting >= count then return end
    lull.sleep(0.002)
  end
  error(("only %d requests came"):format(#peer.waiting), 2)
end

local OK <const> = support.response("200 OK", "ok")

describe("connections", function()
  it("are used again", function()
    local peer <close> = support.raw(support.answering(function() return OK end))
    local client <close> = http.client()
    for _ = 1, 5 do client:get(peer.url) end
    assert.are.equal(1, peer.count)
  end)

  it("are as many as requests at a time, up to a limit for all", function()
    local peer <close> = patient()
    local client <close> = http.client { max_connections = 3 }
    local all = go(lull.gather, repeated(8, function() return client:get(peer.url) end))
    until_waiting(peer, 3)
    testing.settle()
    lull.sleep(0.02)
    assert.are.equal(3, peer.count)
    for i = 1, 8 do
      until_waiting(peer, i)
      peer.waiting[i]:set(OK)
    end
    all:await()
    assert.are.equal(3, peer.count)
  end)

  it("have a limit for each host", function()
    local one <close> = patient()
    local other <close> = patient()
    local client <close> = http.client { max_per_host = 2 }
    local all = go(lull.gather, repeated(4, function() return client:get(one.url) end))
    local rest = go(lull.gather, repeated(4, function() return client:get(other.url) end))
    until_waiting(one, 2)
    until_waiting(other, 2)
    lull.sleep(0.02)
    assert.are.same({ 2, 2 }, { one.count, other.count })
    for i = 1, 4 do
      for _, peer in ipairs { one, other } do
        until_waiting(peer, i)
        peer.waiting[i]:set(OK)
      end
    end
    all:await()
    rest:await()
    assert.are.same({ 2, 2 }, { one.count, other.count })
  end)

  it("that are held by streamed responses are missed by who waits for one", function()
    local peer <close> = support.raw(function(stream)
      support.read_head(stream)
      stream:write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx")
      stream:read("a")
    end)
    local client <close> = http.client { max_per_host = 1 }
    local res <close> = client:get(peer.url, { stream = true })
    local e = support.raises("timeout", client.get, client, peer.url, { timeout = 0.02 })
    assert.is_truthy(e.message:find("it took longer than 0.02 s in all: no connection was free", 1, true), e.message)
    res:close()
    local other <close> = client:get(peer.url, { stream = true })
    assert.are.equal(200, other.status)
  end)

  it("that the server has closed meanwhile are replaced", function()
    local peer <close> = support.raw(function(stream)
      support.read_head(stream)
      stream:write(OK)
    end)
    local client <close> = http.client()
    for i = 1, 4 do
      assert.are.equal("ok", client:get(peer.url).body)
      assert.are.equal(i, peer.count)
    end
  end)

  it("that were promised for nothing in line make room when their request is cancelled", function()
    local peer <close> = patient()
    local client <close> = http.client { max_connections = 1 }
    local first = go(client.get, client, peer.url)
    until_waiting(peer, 1)
    local second = go(client.get, client, peer.url)
    local third = go(client.get, client, peer.url)
    testing.settle()
    second:cancel()
    ends("cancelled", second)
    first:cancel()
    ends("cancelled", first)
    until_waiting(peer, 2)
    peer.waiting[2]:set(OK)
    assert.are.equal("ok", third:await().body)
  end)

  it("go to those in line in the order of their coming, whoever leaves it", function()
    local asked <const> = {}
    local told
    local peer <close> = support.raw(support.answering(function(head)
      asked[#asked + 1] = head:match("^GET /(%S+)")
      told:await()
      return OK
    end))
    for _, opts in ipairs { { max_connections = 1 }, { max_per_host = 1 } } do
      local client <close> = http.client(opts)
      local tasks <const> = {}
      told = lull.future()
      for i = 1, 6 do tasks[i] = go(client.get, client, peer.url .. "/" .. i) end
      testing.settle()
      for _, i in ipairs { 2, 4, 6 } do
        tasks[i]:cancel()
        ends("cancelled", tasks[i])
      end
      told:set()
      for _, i in ipairs { 1, 3, 5 } do assert.are.equal("ok", tasks[i]:await().body) end
    end
    assert.are.same({ "1", "3", "5", "1", "3", "5" }, asked)
  end)

  it("of one host are not waited for by the requests to another", function()
    local busy <close> = patient()
    local free <close> = support.raw(support.answering(function() return OK end))
    local client <close> = http.client { max_connections = 2, max_per_host = 1 }
    local all = go(lull.gather, repeated(4, function() return client:get(busy.url) end))
    until_waiting(busy, 1)
    for _ = 1, 3 do assert.are.equal("ok", client:get(free.url).body) end
    for i = 1, 4 do
      until_waiting(busy, i)
      busy.waiting[i]:set(OK)
    end
    all:await()
    assert.are.equal(1, busy.count)
  end)

  it("are not waited for beyond the total time", function()
    local peer <close> = patient()
    local client <close> = http.client { max_connections = 1 }
    local first = go(client.get, client, peer.url)
    until_waiting(peer, 1)
    raises("timeout", client.get, client, peer.url, { timeout = 0.02 })
    peer.waiting[1]:set(OK)
    assert.are.equal("ok", first:await().body)
    assert.are.equal(1, peer.count)
  end)

  it("are waited for by uploads, too", function()
    local peer <close> = support.raw(support.answering(function() return OK end))
    local client <close> = http.client { max_connections = 1 }
    local function post()
      local pieces = 0
      return client:post(peer.url, { headers = { ["Content-Length"] = 3 }, body = function()
        pieces = pieces + 1
        return pieces <= 3 and "x" or nil
      end }).body
    end
    assert.are.same({ "ok", "ok", "ok" }, { table.unpack(lull.gather(repeated(3, post))) })
    assert.are.equal(1, peer.count)
  end)

  it("serve a thousand requests at once", function()
    local peer <close> = support.raw(support.answering(function() return OK end))
    local client <close> = http.client { max_connections = 10 }
    local results = lull.gather(repeated(1000, function() return client:get(peer.url).body end))
    assert.are.equal(1000, #results)
    assert.is_true(peer.count <= 10)
  end)

  it("are not for those in line when the client is closed", function()
    local peer <close> = patient()
    local client = http.client { max_connections = 2, max_per_host = 1 }
    local tasks <const> = {}
    for i = 1, 4 do tasks[i] = go(raises, "closed", client.get, client, peer.url) end
    until_waiting(peer, 1)
    client:close()
    for _, task in ipairs(tasks) do task:await() end
    assert.are.equal(1, #peer.waiting)
  end)

  it("are closed with the client", function()
    local over = lull.future()
    local peer <close> = support.raw(function(stream)
      support.read_head(stream)
      stream:write(OK)
      stream:read("a")
      over:set()
    end)
    do
      local client <close> = http.client()
      client:get(peer.url)
    end
    lull.timeout(20, over.await, over)
  end)

  it("are closed when the client is collected", function()
    local over = lull.future()
    local peer <close> = support.raw(function(stream)
      support.read_head(stream)
      stream:write(OK)
      stream:read("a")
      over:set()
    end)
    http.client():get(peer.url)
    collectgarbage()
    collectgarbage()
    lull.timeout(20, over.await, over)
  end)
end)

describe("a client that is dropped", function()
  it("lives on while a response of it is read", function()
    local go_on = lull.future()
    local peer <close> = support.raw(function(stream)
      support.read_head(stream)
      stream:write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
      go_on:await()
      stream:write("hello")
    end)
    local res <close> = http.client():get(peer.url, { stream = true })
    collectgarbage()
    collectgarbage()
    go_on:set()
    assert.are.equal("hello", res:read("a"))
  end)

  it("lives on while a request of it is under way", function()
    local peer <close> = patient()
    local task = go(function() return http.client():get(peer.url) end)
    until_waiting(peer, 1)
    collectgarbage()
    collectgarbage()
    peer.waiting[1]:set(OK)
    assert.are.equal("ok", task:await().body)
  end)
end)

describe("a program", function()
  it("ends with requests under way, whatever they wait for", function()
    local peer <close> = support.raw(function(stream) stream:read("a") end)
    local output, code = support.program(([[
      local http, lull = require "lull.http", require "lull"
      local function body()
        lull.sleep(0.001)
        return "x"
      end
      for _, opts in ipairs { {}, { stream = true }, { body = body, method = "POST" } } do
        opts.url = %q
        lull.spawn(http.request, opts)
      end
      lull.sleep(0.02)
      os.exit(3)
    ]]):format(peer.url))
    assert.are.same({ "", 3 }, { output, code })
  end)

  it("does not wait for connections that are kept", function()
    local listener = support.raw(support.answering(function() return OK end))
    local dir <close> = support.temp_dir()
    support.write_file(dir.path .. "/script.lua",
      ('io.write(require "lull.http".get(%q).body, "\\n")'):format(listener.url))
    local lull_path = os.getenv "LULL" or (os.getenv "LULL_BUILD" or "build") .. "/lull"
    os.execute(("(timeout 50 '%s' %s/script.lua; echo $?) >%s/output 2>&1 &"):format(lull_path, dir.path, dir.path))
    local text
    for _ = 1, 10000 do
      text = support.read_file(dir.path .. "/output") or ""
      if text:find("\n%d+\n") then break end
      lull.sleep(0.005)
    end
    listener.close()
    assert.are.equal("ok\n0\n", text)
  end)
end)

describe("cookies", function()
  --- A peer that sets a cookie at /set, and says elsewhere which it got.
  local function baker(cookie)
    return support.raw(support.answering(function(first, fields)
      local set = first:find("/set", 1, true) and "Set-Cookie: " .. cookie
      return support.response("200 OK", fields.cookie or "none", set or nil)
    end))
  end

  it("are kept by a client, for the host they are from", function()
    local peer <close> = baker "a=1; Path=/"
    local client <close> = http.client()
    assert.are.equal("none", client:get(peer.url .. "/set").body)
    assert.are.equal("a=1", client:get(peer.url).body)
    local other = peer.url:gsub("127.0.0.1", "localhost")
    assert.are.equal("none", client:get(other).body)
    assert.are.equal("a=1; b=2", client:get(peer.url, { cookies = { b = 2 } }).body)
  end)

  it("are not kept by the module's functions, nor by a client that is told so", function()
    local peer <close> = baker "a=1; Path=/"
    http.get(peer.url .. "/set")
    assert.are.equal("none", http.get(peer.url).body)
    local client <close> = http.client { cookies = false }
    client:get(peer.url .. "/set")
    assert.are.equal("none", client:get(peer.url).body)
  end)

  it("can be listed, set and dropped", function()
    local peer <close> = baker "a=1; Path=/; HttpOnly"
    local client <close> = http.client()
    client:get(peer.url .. "/set")
    assert.are.same({ {
      name = "a", value = "1", domain = "127.0.0.1", path = "/", subdomains = false, secure = false,
      http_only = true,
    } }, client:cookies())
    client:set_cookie { name = "b", value = "2", domain = "127.0.0.1" }
    local sent = client:get(peer.url).body
    assert.is_true(sent == "a=1; b=2" or sent == "b=2; a=1", sent)
    client:clear_cookies()
    assert.are.same({}, client:cookies())
    assert.are.equal("none", client:get(peer.url).body)
    support.misuse(client.set_cookie, client, { name = "a\t", value = "x", domain = "y" })
    support.misuse(client.set_cookie, client, { name = "a", domain = "y" })
  end)

  it("that a redirection sets are sent on", function()
    local peer <close> = support.raw(support.answering(function(first, fields)
      if first:find("/login", 1, true) then
        return support.response("302 Found", "", "Location: /home", "Set-Cookie: session=x; Path=/")
      end
      return support.response("200 OK", fields.cookie or "none")
    end))
    local client <close> = http.client()
    assert.are.equal("session=x", client:get(peer.url .. "/login").body)
  end)
end)

describe("digest authentication", function()
  local function guarded()
    return support.raw(support.answering(function(_, fields, body)
      local given = fields.authorization or ""
      if given:find('^Digest username="me", realm="here", nonce="abc"') then
        return support.response("200 OK", "in " .. body)
      end
      return support.response("401 Unauthorized", "out", 'WWW-Authenticate: Digest realm="here", nonce="abc", qop="auth"')
    end))
  end

  it("answers the challenge", function()
    local peer <close> = guarded()
    local auth = { user = "me", password = "secret", digest = true }
    assert.are.equal("in ", http.get(peer.url, { auth = auth }).body)
    assert.are.equal("in data", http.post(peer.url, { auth = auth, body = "data" }).body)
    local res <close> = http.get(peer.url, { auth = auth, stream = true })
    assert.are.equal(200, res.status)
    assert.are.equal("in ", res:read("a"))
  end)

  it("gives up when it is not accepted", function()
    local peer <close> = guarded()
    local auth = { user = "you", password = "secret", digest = true }
    assert.are.equal(401, http.get(peer.url, { auth = auth }).status)
    local res <close> = http.get(peer.url, { auth = auth, stream = true })
    assert.are.equal(401, res.status)
    assert.are.equal("out", res:read("a"))
  end)
end)

describe("virtual time", function()
  it("stands still while a request is under way", function()
    -- A server of ours would be frozen.
    if not support.has "nginx" then return pending("needs nginx") end
    local nginx <close> = support.nginx { http = "location / { return 200 ok; }" }
    testing.virtual_time(function()
      local start = lull.now()
      lull.spawn(lull.sleep, 500)
      assert.are.equal("ok", http.get(nginx.url).body)
      assert.is_true(lull.now() - start < 1)
    end)
  end)
end)

describe("deadlock", function()
  it("is not what a request waits in", function()
    local peer <close> = patient()
    local task = go(http.get, peer.url)
    until_waiting(peer, 1)
    lull.sleep(0.02)
    assert.are.equal("pending", task:status())
    peer.waiting[1]:set(OK)
    task:await()
  end)

  it("is found behind a streamed response that nobody reads", function()
    if not support.has "nginx" then return pending("needs nginx") end
    local nginx <close> = support.nginx { files = { big = ("x"):rep(4 * 1024 * 1024) } }
    support.patiently(function(seconds)
      local output = support.program(([[
        local http, lull = require "lull.http", require "lull"
        -- Curl's timer for connecting runs on: a deadlock is seen when it is due.
        local res = http.get(%q, { stream = true, timeout = { connect = %g } })
        lull.future():await()
        print(res)
      ]]):format(nginx.url .. "/big", 2 * seconds))
      assert.is_truthy(output:find("deadlock", 1, true), output)
    end)
  end)
end)

describe("the error of a wait that began badly", function()
  it("is usage outside a task and busy for a second await", function()
    local native = require "lull.curl.native"
    local peer <close> = support.raw(support.answering(function() return OK end))
    local client <close> = native.client {}
    local transfer = client:begin { url = peer.url, method = "GET" }
    local _, _, _, body = transfer:await()
    assert.are.equal("ok", body)
    raises("usage", transfer.await, transfer)
    assert.is_false(pcall(client.request, client, {}))
    assert.is_false(pcall(client.request, client, { url = 1, method = {} }))
    assert.is_false(pcall(client.request, client, { url = peer.url, method = "GET", special = true, body = {} }))
  end)
end)
