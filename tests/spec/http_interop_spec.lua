--- http_interop_spec.lua: other people's HTTP at the other end of ours.

local http = require "lull.http"
local lull = require "lull"

local here = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local support = dofile(here .. "support_http.lua")
local tls = dofile(here .. "support_tls.lua")
local quote = support.quote

--- A test that needs a program.
local function with(program, title, fn)
  it(title, function()
    if not support.has(program) then return pending("needs " .. program) end
    fn()
  end)
end

-- ---- our server, their clients ----

local BIG <const> = ("0123456789abcdef"):rep(1024 * 1024 // 16 * 3) -- 3 MiB

--- What the clients ask for.
local function make_app(dir)
  local app <const> = http.router()
  app:get("/hello", function() return "hello" end)
  app:any("/echo", function(req)
    local body <const> = req:body()
    return { headers = { ["X-Method"] = req.method, ["X-Expect"] = req.headers.expect or "none" }, body = body }
  end)
  app:post("/count", function(req)
    local total = 0
    for piece in function() return req:read_some() end do total = total + #piece end
    return tostring(total)
  end)
  app:post("/refuse", function() return { status = 403, body = "no" } end)
  app:get("/pieces", function()
    local left = 1000
    return function()
      left = left - 1
      return left >= 0 and ("x"):rep(1000) or nil
    end
  end)
  app:get("/json", function() return { json = { list = { 1, 2, 3 }, name = "lull" } } end)
  app:get("/cookie", function(req)
    return { headers = { ["Set-Cookie"] = { "a=1; Path=/", "b=2; Path=/" } }, body = req.headers.cookie or "none" }
  end)
  app:get("/again", function(req) return req.query.n .. " " .. (req.headers.connection or "") end)
  app:static("/files", dir)
  return app
end

--- fn(server, dir) with a server of that application; opts are those of http.serve.
local function serving(opts, fn)
  local dir <close> = support.temp_dir()
  support.write_file(dir.path .. "/big", BIG)
  support.write_file(dir.path .. "/page.html", ("<p>Hello.</p>\n"):rep(1000))
  local all <const> = { port = not opts.path and 0 or nil, max_body = 64 * 1024 * 1024, on_connection = opts.watch }
  for name, value in pairs(opts) do all[name] = value end
  local server <close> = http.serve(all, make_app(dir.path))
  fn(server, dir.path)
end

--- What curl prints.  It runs while our loop goes on.
local function curl(...)
  local output <const>, code <const> = tls.run("curl --silent --show-error --noproxy '*' " .. string.format(...))
  assert.are.equal(0, code, output)
  return output
end

describe("curl and our server:", function()
  --- A test with a server of the application above, and its URL.
  local function case(title, fn)
    with("curl", title, function()
      serving({}, function(server, dir) fn(("http://127.0.0.1:%d"):format(server.port), dir) end)
    end)
  end

  case("a connection is kept for several requests", function(url)
    local output <const> = curl("-w '%%{num_connects}\\n' -o /dev/null %s/hello -o /dev/null %s/hello "
      .. "-o /dev/null %s/pieces -o /dev/null %s/nothing", url, url, url, url)
    assert.are.equal("1\n0\n0\n0\n", output)
  end)

  case("HEAD says what GET would", function(url)
    local output <const> = curl("-I %s/files/big", url)
    assert.is_truthy(output:find("^HTTP/1.1 200 OK\r\n"))
    assert.is_truthy(output:lower():find("content-length: 3145728\r\n", 1, true))
  end)

  case("Expect: 100-continue is answered in time for a large body", function(url, dir)
    support.write_file(dir .. "/body", BIG)
    local output <const> = curl("-D - -w '%%{size_upload}' -H 'Expect: 100-continue' --expect100-timeout 60 "
      .. "--data-binary @%s/body %s/count", dir, url)
    assert.is_truthy(output:find("^HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"), output)
    assert.is_truthy(output:find("\r\n\r\n31457283145728$"), output:sub(-100))
  end)

  case("Expect: 100-continue with a body nobody wants saves sending it", function(url, dir)
    support.write_file(dir .. "/body", BIG)
    local output <const> = curl("-w ' %%{http_code} %%{size_upload}' -H 'Expect: 100-continue' "
      .. "--expect100-timeout 60 --data-binary @%s/body %s/refuse", dir, url)
    assert.are.equal("no 403 0", output)
  end)

  case("a chunked upload arrives", function(url)
    for _, size in ipairs { 0, 1, #BIG } do
      local count <const> = tls.run(("curl --silent --noproxy '*' -T - -X POST %s/count"):format(url), BIG:sub(1, size))
      assert.are.equal(tostring(size), count)
    end
  end)

  case("ranges are cut out, an upload or download is resumed", function(url, dir)
    assert.are.equal(BIG:sub(11, 30), curl("-r 10-29 %s/files/big", url))
    assert.are.equal(BIG:sub(-7), curl("-r -7 %s/files/big", url))
    support.write_file(dir .. "/part", BIG:sub(1, 1000001))
    curl("-C - -o %s/part %s/files/big", dir, url)
    assert.is_true(support.read_file(dir .. "/part") == BIG)
    local parts <const> = curl("-r 0-1,4-5 %s/files/big", url)
    assert.is_truthy(parts:find("\r\n\r\n01\r\n", 1, true) and parts:find("\r\n\r\n45\r\n", 1, true), parts)
  end)

  case("a file that has not changed is not sent again", function(url, dir)
    local args <const> = ("--etag-save %s/tag --etag-compare %s/tag -w '%%{http_code}' -o /dev/null %s/files/big"):format(
      dir, dir, url)
    assert.are.equal("200", curl("%s", args))
    assert.are.equal("304", curl("%s", args))
    assert.are.equal("304", curl("-z %s/big -w '%%{http_code}' -o /dev/null %s/files/big", dir, url))
  end)

  case("forms, with files and without, arrive", function(_, dir)
    local app <const> = http.router()
    app:post("/form", function(req) return req:form().name end)
    app:post("/parts", function(req)
      local list <const> = {}
      for part in req:parts() do list[#list + 1] = ("%s=%d"):format(part.name, #part:read()) end
      return table.concat(list, " ")
    end)
    local server <close> = http.serve({ port = 0 }, app)
    local url <const> = ("http://127.0.0.1:%d"):format(server.port)
    assert.are.equal("a b&c", curl("--data-urlencode 'name=a b&c' %s/form", url))
    assert.are.equal("f=14000 g=2", curl("-F f=@%s/page.html -F g=hi %s/parts", dir, url))
  end)

  case("cookies are kept and sent", function(url, dir)
    curl("-c %s/jar %s/cookie", dir, url)
    assert.are.equal("a=1; b=2", curl("-b %s/jar %s/cookie", dir, url))
  end)

  case("HTTP/1.0 is spoken to, to the end of the connection", function(url)
    assert.are.equal(1000000, #curl("--http1.0 %s/pieces", url))
  end)

  with("curl", "what it can decompress it gets compressed", function()
    local app <const> = http.router()
    app:use(require "lull.http.compress".responses())
    app:get("/page", function()
      return { headers = { ["Content-Type"] = "text/html" }, body = ("<p>Hello.</p>\n"):rep(1000) }
    end)
    local server <close> = http.serve({ port = 0 }, app)
    local url <const> = ("http://127.0.0.1:%d"):format(server.port)
    for _, coding in ipairs { "gzip", "br", "zstd" } do
      local output <const> = curl("-D - --compressed -H 'Accept-Encoding: %s' %s/page", coding, url)
      assert.is_truthy(output:lower():find("content-encoding: " .. coding .. "\r\n", 1, true), output)
      assert.is_true(output:match("\r\n\r\n(.*)") == ("<p>Hello.</p>\n"):rep(1000))
    end
  end)

  with("curl", "HTTPS, and a client's certificate", function()
    serving({ tls = tls.identity("server", { client_ca = tls.file "ca.pem", verify = "optional" }) }, function(server)
      local url <const> = ("--cacert %s --resolve server.test:%d:127.0.0.1 https://server.test:%d"):format(
        tls.file "ca.pem", server.port, server.port)
      assert.are.equal("hello", curl("%s/hello", url))
      assert.are.equal(BIG:sub(11, 30), curl("-r 10-29 %s/files/big", url))
      assert.is_true(curl("%s/files/big", url) == BIG)
      assert.are.equal("hello", curl("--tls-max 1.2 --cert %s --key %s %s/hello",
        tls.file "client.pem", tls.file "client.key", url))
      local versions <const> = curl("--http2 -w '%%{http_version}' -o /dev/null %s/hello", url)
      assert.are.equal("1.1", versions)
    end)
  end)

  with("curl", "a Unix socket", function()
    local path <const>, _ <close> = support.socket_path()
    serving({ path = path }, function()
      assert.are.equal("hello", curl("--unix-socket %s http://localhost/hello", path))
    end)
  end)
end)

describe("openssl s_client and our server:", function()
  with("openssl", "a request by hand is answered", function()
    serving({ tls = tls.identity "server" }, function(server)
      local output <const> = tls.run(("openssl s_client -quiet -connect 127.0.0.1:%d -servername server.test "
        .. "-alpn http/1.1 -CAfile %s -verify_return_error"):format(server.port, tls.file "ca.pem"),
        "GET /hello HTTP/1.1\r\nHost: server.test\r\n\r\nGET /again?n=2 HTTP/1.1\r\nHost: server.test\r\n"
        .. "Connection: close\r\n\r\n")
      assert.is_truthy(output:find("\r\n\r\nhelloHTTP/1.1 200 OK\r\n", 1, true), output)
      assert.is_truthy(output:find("\r\n\r\n2 close", 1, true), output)
    end)
  end)
end)

local PYTHON <const> = [[
import http.client, json, ssl, sys
port, ca = int(sys.argv[1]), sys.argv[2]
if ca:
    c = http.client.HTTPSConnection("localhost", port, timeout=50, context=ssl.create_default_context(cafile=ca))
else:
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=50)

def ask(method, path, body=None, headers={}, **more):
    c.request(method, path, body, headers, **more)
    r = c.getresponse()
    return r, r.read()

r, body = ask("GET", "/hello")
assert (r.status, r.reason, r.version, body) == (200, "OK", 11, b"hello"), (r.status, body)
sock = c.sock
r, body = ask("POST", "/echo", b"x" * 1000000)
assert r.getheader("x-method") == "POST" and body == b"x" * 1000000
r, body = ask("POST", "/count", (b"y" * 1000 for _ in range(500)), encode_chunked=True)
assert body == b"500000", body
r, body = ask("GET", "/pieces")
assert r.getheader("transfer-encoding") == "chunked" and body == b"x" * 1000000
r, body = ask("GET", "/json")
assert json.loads(body) == {"list": [1, 2, 3], "name": "lull"}
r, body = ask("HEAD", "/files/big")
assert r.getheader("content-length") == "3145728" and body == b""
r, body = ask("GET", "/files/big", None, {"Range": "bytes=5-9"})
assert r.status == 206 and body == b"56789" and r.getheader("content-range") == "bytes 5-9/3145728"
r, body = ask("GET", "/files/big")
assert len(body) == 3145728
r, body = ask("DELETE", "/hello")
assert r.status == 405 and r.getheader("allow"), (r.status, r.getheaders())
r, body = ask("GET", "/cookie")
assert r.headers.get_all("set-cookie") == ["a=1; Path=/", "b=2; Path=/"]
assert c.sock is sock, "the connection was not kept"
print("well")
]]

local UNDICI <const> = [[
const { Client, request, fetch, setGlobalDispatcher, Agent } = require("undici");
const assert = require("assert");
const fs = require("fs");
const [url, ca] = process.argv.slice(2);
const connect = ca ? { ca: fs.readFileSync(ca), servername: "localhost" } : {};
(async () => {
  let connects = 0;
  const client = new Client(url, { connect, pipelining: 10 });
  client.on("connect", () => connects++);
  const answers = await Promise.all([...Array(50).keys()].map(async (n) => {
    const { statusCode, body } = await client.request({ path: "/again?n=" + n, method: "GET" });
    assert.equal(statusCode, 200);
    return (await body.text()).split(" ")[0];
  }));
  assert.deepEqual(answers, [...Array(50).keys()].map(String));
  assert.equal(connects, 1);
  const mixed = await Promise.all([
    client.request({ path: "/echo", method: "PUT", body: "x".repeat(1000000) }).then((r) => r.body.text()),
    client.request({ path: "/pieces", method: "GET" }).then((r) => r.body.text()),
    client.request({ path: "/files/big", method: "HEAD" }).then((r) => r.headers["content-length"]),
    client.request({ path: "/json", method: "GET" }).then((r) => r.body.json()),
  ]);
  assert.equal(mixed[0].length, 1000000);
  assert.equal(mixed[1].length, 1000000);
  assert.equal(mixed[2], "3145728");
  assert.deepEqual(mixed[3], { list: [1, 2, 3], name: "lull" });
  async function* pieces() { for (let i = 0; i < 100; i++) yield Buffer.alloc(1000, "z"); }
  const up = await client.request({ path: "/count", method: "POST", body: pieces() });
  assert.equal(await up.body.text(), "100000");
  const lost = await client.request({ path: "/nothing", method: "GET" });
  assert.equal(lost.statusCode, 404);
  await lost.body.text();
  await client.close();
  const agent = new Agent({ connect });
  setGlobalDispatcher(agent);
  const form = await fetch(url + "/echo", { method: "POST", body: new URLSearchParams({ a: "1 2" }) });
  assert.equal(await form.text(), "a=1+2");
  const { body } = await fetch(url + "/files/big");
  const reader = body.getReader();
  await reader.read();
  await reader.cancel();
  await agent.destroy();
  console.log("well");
})().catch((e) => { console.log(e.stack); process.exit(1); });
]]

--- Run a script of another language against our server, plain and by TLS.
local function scripted(program, command, text, needs)
  for _, way in ipairs { "http", "https" } do
    with(program, "do what they do with each other, by " .. way, function()
      if needs and not os.execute(needs[1] .. " > /dev/null 2>&1") then return pending("needs " .. needs[2]) end
      local secure <const> = way == "https"
      serving({ tls = secure and tls.identity "server" or nil }, function(server, dir)
        local reported <const> = support.reported(function()
          local output <const> = tls.run(("%s %s %s"):format(command,
            quote(support.write_file(dir .. "/script", text)),
            program == "node" and ("%s://127.0.0.1:%d %s"):format(way, server.port, secure and tls.file "ca.pem" or "")
            or ("%d '%s'"):format(server.port, secure and tls.file "ca.pem" or "")))
          assert.are.equal("well\n", output)
        end)
        assert.are.same({}, reported)
      end)
    end)
  end
end

describe("Python's http.client and our server", function()
  scripted("python3", "python3", PYTHON)
end)

describe("undici and our server", function()
  local command <const> = "env NODE_PATH=/usr/share/nodejs node --no-warnings"
  scripted("node", command, UNDICI, { command .. " -e 'require(\"undici\")'", "undici" })
end)

describe("nginx in front of our server", function()
  with("nginx", "passes requests on over connections that it keeps", function()
    serving({}, function(server)
      local peer <close> = support.nginx {
        http = [[location / { proxy_pass http://upstream_lull; proxy_http_version 1.1;
          proxy_set_header Connection ""; proxy_request_buffering off; proxy_buffering off; }]],
        more = ("upstream upstream_lull { server 127.0.0.1:%d; keepalive 4; }"):format(server.port),
      }
      local client <close> = http.client { proxy = false }
      for n = 1, 20 do
        assert.are.equal(n .. " ", client:get(peer.url .. "/again", { query = { n = n } }).body)
      end
      assert.are.equal(1000000, #client:get(peer.url .. "/pieces").body)
      assert.is_true(client:get(peer.url .. "/files/big").body == BIG)
      assert.are.equal("3145728", client:post(peer.url .. "/count", { body = BIG }).body)
      local left = 100
      assert.are.equal("100000", client:post(peer.url .. "/count", { body = function()
        left = left - 1
        return left >= 0 and ("x"):rep(1000) or nil
      end }).body)
      assert.are.equal("0123", client:get(peer.url .. "/files/big", { headers = { Range = "bytes=0-3" } }).body)
    end)
  end)
end)

-- ---- our client, their servers ----

describe("our client and nginx:", function()
  local authority, holder
  setup(function()
    if not support.has "nginx" then return end
    holder = support.temp_dir()
    authority = support.authority(holder.path):issue "127.0.0.1"
  end)
  teardown(function()
    if holder then holder.close() end
  end)

  local function nginx(opts)
    opts.files = { big = BIG, ["page.html"] = ("<p>Hello.</p>\n"):rep(1000) }
    opts.http = [[
      location = /page.html { gzip on; gzip_types text/plain text/html; gzip_min_length 1; }
      client_body_buffer_size 16k;
      location = /moved { return 302 /page.html; }
      location = /put { dav_methods PUT; }
      location = /echo { proxy_pass $scheme://127.0.0.1:$server_port/sink; proxy_ssl_verify off; }
      location = /sink { return 200 "$request_method $http_content_length"; }
      location = /refuse { return 403; }
      location = /slow { limit_rate 300k; alias html/page.html; }]]
    return support.nginx(opts)
  end

  with("nginx", "by HTTP/2 requests that share a connection do not end each other", function()
    local peer <close> = nginx { tls = authority, http2 = true }
    for _ = 1, 10 do
      local client <close> = http.client { ca_file = authority.ca, max_per_host = 4 }
      client:get(peer.url .. "/page.html")
      local list <const> = {}
      for i = 1, 40 do list[i] = i % 2 == 0 and "/page.html" or "/big" end
      local sizes <const> = lull.map(list, function(path) return #client:get(peer.url .. path).body end)
      for i = 1, 40 do assert.are.equal(i % 2 == 0 and 14000 or #BIG, sizes[i]) end
    end
  end)

  for _, kind in ipairs { { "HTTP/1.1" }, { "HTTP/1.1 by TLS", true }, { "HTTP/2", true, true } } do
    with("nginx", "by " .. kind[1] .. " everything works", function()
      local peer <close> = nginx { tls = kind[2] and authority, http2 = kind[3] }
      local client <close> = http.client { ca_file = kind[2] and authority.ca or nil, max_per_host = 4 }
      local url <const> = peer.url
      local res <const> = client:get(url .. "/page.html")
      assert.are.equal(14000, #res.body)
      assert.are.equal(kind[3] and "2" or "1.1", res.version)
      assert.is_true(client:get(url .. "/big").body == BIG)
      local part <const> = client:get(url .. "/big", { headers = { Range = "bytes=10-19" } })
      assert.are.equal(206, part.status)
      assert.are.equal("bytes 10-19/3145728", part.headers["content-range"])
      assert.are.equal("abcdef0123", part.body)
      local tag <const> = client:head(url .. "/big").headers.etag
      assert.are.equal(304, client:get(url .. "/big", { headers = { ["If-None-Match"] = tag } }).status)
      assert.are.equal(url .. "/page.html", client:get(url .. "/moved").url)
      assert.are.equal(404, client:get(url .. "/nothing").status)
      --- nginx closes a connection whose body it did not want: not the one for what follows.
      local other <close> = http.client { ca_file = kind[2] and authority.ca or nil }
      assert.are.equal(403, other:post(url .. "/refuse", { body = ("x"):rep(100000) }).status)
      local stream <close> = client:get(url .. "/big", { stream = true })
      local total = 0
      for piece in function() return stream:read_some() end do total = total + #piece end
      assert.are.equal(#BIG, total)
      local all <const> = lull.map((function()
        local list <const> = {}
        for i = 1, 40 do list[i] = i end
        return list
      end)(), function(i)
        return #client:get(url .. (i % 2 == 0 and "/page.html" or "/big")).body
      end)
      for i = 1, 40 do assert.are.equal(i % 2 == 0 and 14000 or #BIG, all[i]) end
    end)

    with("nginx", "by " .. kind[1] .. " what is given up half-way hurts no other request", function()
      local peer <close> = nginx { tls = kind[2] and authority, http2 = kind[3] }
      local client <close> = http.client { ca_file = kind[2] and authority.ca or nil, max_per_host = 2 }
      for i = 1, 10 do
        local res <close> = client:get(peer.url .. "/big", { stream = true })
        res:read_some()
        if i % 2 == 0 then assert.is_false((lull.move_on_after(0, client.get, client, peer.url .. "/big"))) end
      end
      assert.are.equal(14000, #client:get(peer.url .. "/page.html").body)
    end)
  end
end)

describe("our client and openssl s_server:", function()
  with("openssl", "a page comes, by each version of TLS", function()
    for _, version in ipairs { "tls1_2", "tls1_3" } do
      local port <const> = support.free_port()
      local process <close> = tls.background(("openssl s_server -accept 127.0.0.1:%d -%s -cert %s -key %s "
        .. "-cert_chain %s -www"):format(port, version, tls.file "server.crt", tls.file "server.key",
        tls.file "server.pem"))
      tls.patient(port):close()
      local res <const> = http.get(("https://localhost:%d/"):format(port), { ca_file = tls.file "ca.pem" })
      assert.are.equal(200, res.status, process.output())
      assert.is_truthy(res.body:find(version == "tls1_2" and "TLSv1.2" or "TLSv1.3", 1, true))
    end
  end)
end)

describe("our client and Python's http.server:", function()
  with("python3", "files, and what is not there", function()
    local peer <close> = support.python { ["a.txt"] = "hello", big = BIG }
    assert.are.equal("hello", http.get(peer.url .. "/a.txt").body)
    local client <close> = http.client {}
    assert.is_true(client:get(peer.url .. "/big").body == BIG)
    assert.are.equal(404, client:get(peer.url .. "/nothing").status)
    assert.are.equal(501, client:post(peer.url .. "/a.txt", { body = "x" }).status)
    assert.are.equal("5", client:head(peer.url .. "/a.txt").headers["content-length"])
  end)
end)

describe("our client, proxies and our server:", function()
  --- Through this proxy to our own server, plain and by TLS.
  local function through(proxy)
    for _, secure in ipairs { false, true } do
      serving({ tls = secure and tls.identity "server" or nil }, function(server)
        local url <const> = ("%s://127.0.0.1:%d"):format(secure and "https" or "http", server.port)
        local client <close> = http.client { proxy = proxy.url, ca_file = secure and tls.file "ca.pem" or nil }
        assert.are.equal("hello", client:get(url .. "/hello").body)
        assert.is_true(client:get(url .. "/files/big").body == BIG)
        assert.are.equal("100000", client:post(url .. "/count", { body = ("x"):rep(100000) }).body)
        assert.are.equal("0123", client:get(url .. "/files/big", { headers = { Range = "bytes=0-3" } }).body)
      end)
    end
  end

  with("tinyproxy", "tinyproxy", function()
    local proxy <close> = support.tinyproxy()
    through(proxy)
  end)

  with("squid", "squid", function()
    local proxy <close> = support.squid()
    through(proxy)
  end)

  with("squid", "squid that asks for a password", function()
    local helper <const> = "/usr/lib/squid/basic_ncsa_auth"
    if not support.read_file(helper) then return pending("needs squid's basic_ncsa_auth") end
    local dir <close> = support.temp_dir()
    os.execute("chmod 755 " .. dir.path)
    support.write_file(dir.path .. "/users", "me:" .. support.output_of("openssl passwd -apr1 pass:word") .. "\n")
    local proxy <close> = support.squid(([[
auth_param basic program %s %s/users
acl known proxy_auth REQUIRED
http_access deny !known]]):format(helper, dir.path))
    local good <const> = { url = proxy.url:gsub("//", "//me:pass%%3Aword@") }
    through(good)
    serving({}, function(server)
      local url <const> = ("http://127.0.0.1:%d/hello"):format(server.port)
      assert.are.equal(407, http.get(url, { proxy = proxy.url }).status)
      local e <const> = support.raises("http", http.get, url:gsub("http", "https", 1), { proxy = proxy.url })
      assert.are.equal(407, e.status)
    end)
  end)
end)

