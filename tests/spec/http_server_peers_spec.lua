--- http_server_peers_spec.lua: the HTTP server and the clients that others have written.

local http = require "lull.http"
local lull = require "lull"

local here <const> = debug.getinfo(1, "S").source:match("^@(.*/)") or ""
local support = dofile(here .. "support_serve.lua")
local peers = dofile(here .. "support_http.lua")
local serve = support.serve

local PATIENCE <const> = 50 -- seconds until a client that does not end is given up

--- Run a shell command while the server serves; what it prints (both streams).
local function run(command)
  local dir <close> = peers.temp_dir()
  local output <const>, over <const> = dir.path .. "/output", dir.path .. "/over"
  os.execute(("( timeout %d sh -c %s >%s 2>&1 </dev/null; mv %s %s ) &"):format(
    PATIENCE, peers.quote(command), output, output, over))
  local text
  assert(lull.move_on_after(PATIENCE + 2, function()
    repeat
      lull.sleep(0.005)
      text = peers.read_file(over)
    until text
  end), "the client did not end: " .. command)
  return text
end

--- A test that needs a program.
local function needs(program, name, fn)
  it(name, function()
    if not peers.has(program) then return pending("needs " .. program) end
    fn()
  end)
end

--- What a handler echoes: the body, in a way the path asks for.
local function handler(req)
  if req.path == "/echo" then return req:body() end
  if req.path == "/count" then
    local total = 0
    for piece in function() return req:read_some() end do total = total + #piece end
    return tostring(total)
  elseif req.path == "/pieces" then
    local left = 5
    return function()
      left = left - 1
      return left >= 0 and "piece " .. left .. "\n" or nil
    end
  elseif req.path == "/large" then
    return ("0123456789"):rep(500000)
  elseif req.path == "/trailers" then
    return { body = coroutine.wrap(function() coroutine.yield "x" end), trailers = { ["x-sum"] = "1" } }
  end
  return "hello"
end

local function url(server, path)
  return ("'http://127.0.0.1:%d%s'"):format(server.port, path or "/")
end

describe("curl", function()
  local function curl(server, path, options)
    return run("curl -sS " .. (options or "") .. " " .. url(server, path))
  end

  needs("curl", "gets a page", function()
    local server <close> = serve(handler)
    assert.are.equal("hello", curl(server))
  end)

  needs("curl", "gets pages on one connection", function()
    local server <close> = serve(handler)
    local text <const> = curl(server, "/[1-3]", "-w '%{num_connects}\\n'")
    assert.are.equal("hello1\nhello0\nhello0\n", text)
  end)

  needs("curl", "gets pieces, with HTTP/1.0, too", function()
    local server <close> = serve(handler)
    local expected <const> = "piece 4\npiece 3\npiece 2\npiece 1\npiece 0\n"
    assert.are.equal(expected, curl(server, "/pieces"))
    assert.are.equal(expected, curl(server, "/pieces", "--http1.0"))
  end)

  needs("curl", "sends a body, and waits for 100 before a large one", function()
    local server <close> = serve(handler, { max_body = 10 * 1024 * 1024 })
    assert.are.equal("a=b", curl(server, "/echo", "-d a=b"))
    local total <const> = run("head -c 3000000 /dev/zero | "
      .. "curl -sS --data-binary @- -H 'Expect: 100-continue' " .. url(server, "/count"))
    assert.are.equal("3000000", total)
  end)

  needs("curl", "sends a body in chunks", function()
    local server <close> = serve(handler)
    local total <const> = run(("head -c 3000000 /dev/zero | curl -sS -T - %s"):format(url(server, "/count")))
    assert.are.equal("3000000", total)
  end)

  needs("curl", "is told that a body is too large, and stops", function()
    local server <close> = serve(handler)
    local text <const> = run("head -c 30000000 /dev/zero | "
      .. "curl -sS -o /dev/null -w '%{http_code}' --data-binary @- " .. url(server, "/echo"))
    assert.are.equal("413", text:match "%d+")
  end)

  needs("curl", "gets much", function()
    local server <close> = serve(handler)
    assert.are.equal(5000000, #curl(server, "/large"))
  end)

  needs("curl", "gets trailers", function()
    local server <close> = serve(handler)
    assert.is_truthy(curl(server, "/trailers", "-i"):lower():find "x%-sum: 1")
  end)

  needs("curl", "uploads a form", function()
    local server <close> = serve(function(req)
      local form <const> = req:form()
      return ("%s %s"):format(form.a, form.b)
    end)
    assert.are.equal("1 two", curl(server, "/", "-d a=1 --data-urlencode b=two"))
  end)

  needs("curl", "sees HEAD", function()
    local server <close> = serve(handler)
    assert.is_truthy(curl(server, "/large", "-I"):find "Content%-Length: 5000000\r\n")
  end)

  needs("openssl", "gets a page by TLS", function()
    if not pcall(require, "lull.tls") then return pending "needs lull.tls" end
    local dir <close> = peers.temp_dir()
    local issued <const> = peers.authority(dir.path):issue "127.0.0.1"
    local tls <const> = { cert = issued.cert, key = issued.key }
    local server <close> = http.serve({ port = 0, tls = tls }, function(req)
      if req.path == "/large" then return ("x"):rep(1000000) end
      return req.scheme .. " " .. tostring(req.tls ~= nil) .. " " .. #req:body()
    end)
    local options <const> = ("--cacert %s/ca.pem https://127.0.0.1:%d"):format(dir.path, server.port)
    local text <const> = run("head -c 200000 /dev/zero | curl -sS --data-binary @- " .. options)
    assert.are.equal("https true 200000", text)
    assert.are.equal(1000000, #run("curl -sS " .. options .. "/large"))
  end)
end)

describe("python's http.client", function()
  local function python(server, code)
    local dir <close> = peers.temp_dir()
    local path <const> = peers.write_file(dir.path .. "/client.py", ([[
import http.client, sys
c = http.client.HTTPConnection("127.0.0.1", %d, timeout=50)
def ask(*args, **more):
    c.request(*args, **more)
    r = c.getresponse()
    return r.status, r.read()
]]):format(server.port) .. code)
    return run("python3 " .. path)
  end

  needs("python3", "asks again and again on one connection", function()
    local server <close> = serve(handler)
    assert.are.equal("[(200, b'hello'), (200, b'hello'), (200, b'xyz')]\n", python(server, [==[
print([ask("GET", "/"), ask("GET", "/2"), ask("POST", "/echo", body=b"xyz")])]==]))
  end)

  needs("python3", "sends chunks and reads chunks", function()
    local server <close> = serve(handler)
    assert.are.equal("(200, b'onetwo')\n(200, 40)\n", python(server, [==[
print(ask("POST", "/echo", body=iter([b"one", b"two"]), encode_chunked=True))
s, b = ask("GET", "/pieces")
print((s, len(b)))]==]))
  end)

  needs("python3", "goes on after an unread body and an error", function()
    local server <close> = serve(function(req)
      if req.path == "/bad" then error(lull.new_error("http", "no", { status = 422 })) end
      return "fine"
    end)
    assert.are.equal("[422, 200, 200]\n", python(server, [==[
x, y = b"x" * 1000, b"y" * 1000
print([ask("POST", "/bad", body=x)[0], ask("POST", "/", body=y)[0], ask("GET", "/")[0]])]==]))
  end)
end)

describe("undici", function()
  it("pipelines", function()
    if not peers.has "node" or not peers.read_file "/usr/share/nodejs/undici/package.json" then
      return pending "needs node-undici"
    end
    local server <close> = serve(handler, { max_body = 10 * 1024 * 1024 })
    local dir <close> = peers.temp_dir()
    local path <const> = peers.write_file(dir.path .. "/client.js", ([[
const { Client } = require("/usr/share/nodejs/undici");
const client = new Client("http://127.0.0.1:%d", { pipelining: 10 });
const ask = async (options) => {
  const { statusCode, body } = await client.request(options);
  return [statusCode, (await body.text()).length];
};
(async () => {
  const all = [];
  for (let i = 0; i < 50; i++) all.push(ask({ path: i %% 2 ? "/" : "/pieces", method: "GET" }));
  const seen = new Set((await Promise.all(all)).map(String));
  console.log([...seen].sort().join(" "));
  console.log((await ask({ path: "/echo", method: "POST", body: "x".repeat(1000000) })).join(","));
  await client.close();
})();]]):format(server.port))
    local text <const> = run("NODE_PATH=/usr/share/nodejs node " .. path)
    assert.are.equal("200,40 200,5\n200,1000000\n", text)
  end)
end)

describe("wrk", function()
  needs("wrk", "is served without an error", function()
    local server <close> = serve(handler)
    local text <const> = run("wrk -t1 -c50 -d1 " .. url(server))
    assert.is_truthy(tonumber(text:match "(%d+) requests in") > 100, text)
    assert.is_nil(text:find "Socket errors", text)
    assert.is_nil(text:find "Non%-2xx", text)
  end)
end)
