--- http_app_spec.lua: routes, files, forms, events and compression, over real connections.

local compress = require "lull.compress"
local cookie = require "lull.http.cookie"
local http = require "lull.http"
local http_compress = require "lull.http.compress"
local log = require "lull.http.log"
local lull = require "lull"
local middleware = require "lull.http.middleware"
local net = require "lull.net"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_request.lua")

local TEXT <const> = ("to be or not to be; "):rep(20000) -- 400 kB

--- Undo the chunked coding.
local function unchunked(text)
  local parts, at = {}, 1
  while true do
    local size, from = text:match("^(%x+)\r\n()", at)
    size = tonumber(size, 16)
    if size == 0 then return table.concat(parts) end
    parts[#parts + 1] = text:sub(from, from + size - 1)
    at = from + size + 2
  end
end

--- Send one request, read the response.  Headers have lower-case names.
local function exchange(server, first, headers, body)
  local stream <close> = net.connect("127.0.0.1", server.port)
  local lines = { first .. " HTTP/1.1", "Host: test", "Connection: close" }
  for name, value in pairs(headers or {}) do lines[#lines + 1] = name .. ": " .. value end
  if body then lines[#lines + 1] = "Content-Length: " .. #body end
  stream:write(table.concat(lines, "\r\n"), "\r\n\r\n", body or "")
  local head = stream:read_until "\r\n\r\n"
  local response = { status = tonumber(head:match "^HTTP/1.1 (%d+)"), headers = {}, head = head }
  for name, value in head:gmatch "\r\n([^:\r\n]+): ([^\r\n]*)" do
    response.headers[name:lower()] = value
  end
  response.body = stream:read "a"
  if response.body ~= "" and response.headers["transfer-encoding"] then response.body = unchunked(response.body) end
  return response
end

--- Serve an application while fn(get, server) runs.
local function served(app, fn, opts)
  opts = opts or {}
  opts.port = 0
  local server <close> = http.serve(opts, app)
  fn(function(...) return exchange(server, ...) end, server)
end

describe("a served router", function()
  it("answers by method, path and parameters", function()
    local app = http.router()
      :get("/users/:id", function(req) return req.params.id end)
      :any("/any/*rest", function(req) return req.method .. " " .. req.params.rest end)
    served(app, function(ask)
      assert.are.equal("7 é", ask("GET /users/7%20%C3%A9?x=y").body)
      assert.are.equal("BREW a/b", ask("BREW /any/a/b").body)
      assert.are.equal(404, ask("GET /").status)
      local response = ask("DELETE /users/7")
      assert.are.equal(405, response.status)
      assert.are.equal("GET, HEAD, OPTIONS", response.headers.allow)
      response = ask("HEAD /users/7")
      assert.are.equal("1", response.headers["content-length"])
      assert.are.equal("", response.body)
      response = ask("OPTIONS /users/7")
      assert.are.equal(204, response.status)
      assert.are.equal("GET, HEAD, OPTIONS", response.headers.allow)
      assert.are.equal(204, ask("OPTIONS *").status)
    end)
  end)

  it("resolves dots before it looks at prefixes", function()
    local app = http.router()
      :use("/admin", function() return { status = 401 } end)
      :get("/*path", function() return "ok" end)
    served(app, function(ask)
      for _, target in ipairs {
        "/admin", "/admin/", "/x/../admin", "/%61dmin/x", "/./admin/x", "/x/%2e%2e/admin",
        "/x/..%2fadmin", "/admin%2fx",
      } do
        assert.are.equal(401, ask("GET " .. target).status, target)
      end
      assert.are.equal(200, ask("GET /x").status)
    end)
  end)

  it("limits bodies by route", function()
    local app = http.router()
      :post("/small", function(req) return tostring(#req:body()) end, { max_body = 10 })
      :post("/usual", function(req) return tostring(#req:body()) end)
    served(app, function(ask)
      assert.are.equal("10", ask("POST /small", nil, ("x"):rep(10)).body)
      assert.are.equal(413, ask("POST /small", nil, ("x"):rep(11)).status)
      assert.are.equal("11", ask("POST /usual", nil, ("x"):rep(11)).body)
    end)
  end)
end)

describe("served files", function()
  it("arrive whole, in part, or not at all", function()
    local root, _, _ <close> = support.folder()
    support.write(root .. "/big.txt", TEXT)
    served(http.router():static("/", root), function(ask)
      for _ = 1, 3 do
        local response = ask "GET /big.txt"
        assert.are.equal(200, response.status)
        assert.are.equal(TEXT, response.body)
      end
      assert.are.equal("0123456789", ask("GET /a.txt").body)
      assert.are.equal("", ask("GET /empty").body)
      assert.are.equal("", ask("HEAD /big.txt").body)
      assert.are.equal(tostring(#TEXT), ask("HEAD /big.txt").headers["content-length"])
      local etag = ask("GET /big.txt").headers.etag
      assert.are.equal(304, ask("GET /big.txt", { ["If-None-Match"] = etag }).status)
      local response = ask("GET /big.txt", { Range = "bytes=100000-299999" })
      assert.are.equal(206, response.status)
      assert.are.equal(TEXT:sub(100001, 300000), response.body)
      response = ask("GET /big.txt", { Range = "bytes=0-99999,200000-200009" })
      assert.are.equal(206, response.status)
      assert.is_truthy(response.body:find(TEXT:sub(1, 100000), 1, true))
      assert.are.equal(#response.body, tonumber(response.headers["content-length"]))
      assert.are.equal(404, ask("GET /..%2f..%2fsecret").status)
      assert.are.equal(404, ask("GET /%2e%2e/secret").status)
      assert.are.equal(400, ask("GET /a.txt%00.html").status)
      response = ask "GET /sub?q"
      assert.are.equal(301, response.status)
      assert.are.equal("/sub/?q", response.headers.location)
    end)
  end)

  it("are given back when clients leave", function()
    local root, _, _ <close> = support.folder()
    support.write(root .. "/big.txt", TEXT:rep(20))
    served(http.router():static("/", root, { cache = 0 }), function(_, server)
      for _, range in ipairs { "", "Range: bytes=0-5000000,5000010-5000020\r\n" } do
        local stream <close> = net.connect("127.0.0.1", server.port)
        stream:write("GET /big.txt HTTP/1.1\r\nHost: x\r\n", range, "\r\n")
        stream:read_exact(1000)
        stream:abort()
      end
    end)
    -- lull test counts what is left open
  end)

  it("are compressed on the way", function()
    local root, _, _ <close> = support.folder()
    support.write(root .. "/big.txt", TEXT)
    served(http.router():use(http_compress()):static("/", root), function(ask)
      local response = ask("GET /big.txt", { ["Accept-Encoding"] = "gzip" })
      assert.are.equal("gzip", response.headers["content-encoding"])
      assert.is_nil(response.headers["content-length"])
      assert.are.equal(TEXT, compress.decode("gzip", response.body))
      assert.are.equal("", ask("HEAD /big.txt", { ["Accept-Encoding"] = "gzip" }).body)
      assert.are.equal(TEXT, ask("GET /big.txt").body)
    end)
  end)
end)

describe("served forms", function()
  local app = http.router()
    :post("/form", function(req)
      local form = req:form()
      local f = type(form.f) == "table" and form.f.filename .. "=" .. form.f.body or form.f
      return ("%s/%s"):format(form.a, f)
    end)
    :post("/parts", function(req)
      local out = {}
      for part in req:parts() do
        local size = 0
        for piece in part.read_some, part do size = size + #piece end
        out[#out + 1] = part.name .. ":" .. size
      end
      return table.concat(out, " ")
    end)
    :get("/query", function(req) return req.query.a .. "/" .. table.concat(req:query_all "a", ",") end)

  it("are read", function()
    served(app, function(ask)
      assert.are.equal("1 2/é", ask("POST /form", {
        ["Content-Type"] = "application/x-www-form-urlencoded",
      }, "a=1+2&f=%C3%A9").body)
      local body = '--X\r\nContent-Disposition: form-data; name="a"\r\n\r\none\r\n'
        .. '--X\r\nContent-Disposition: form-data; name="f"; filename="n.txt"\r\n\r\ncontent\r\n--X--\r\n'
      local multipart = { ["Content-Type"] = "multipart/form-data; boundary=X" }
      assert.are.equal("one/n.txt=content", ask("POST /form", multipart, body).body)
      assert.are.equal("a:3 f:7", ask("POST /parts", multipart, body).body)
      assert.are.equal("x/x,y", ask("GET /query?a=x&a=y").body)
      local head = '--X\r\nContent-Disposition: form-data; name="l"\r\n\r\n'
      local large = head .. TEXT:rep(10) .. "\r\n--X--\r\n"
      assert.are.equal("l:4000000", ask("POST /parts", multipart, large).body)
      assert.are.equal(413, ask("POST /form", multipart, large).status)
    end)
  end)

  it("that are malformed are the client's fault", function()
    served(app, function(ask)
      local multipart = { ["Content-Type"] = "multipart/form-data; boundary=X" }
      assert.are.equal(400, ask("POST /parts", multipart, "--X\r\n\r\n").status)
      assert.are.equal(400, ask("POST /parts", multipart, "").status)
      assert.are.equal(415, ask("POST /form", { ["Content-Type"] = "text/plain" }, "a=1").status)
      assert.are.equal(415, ask("POST /form", nil, "a=1").status)
    end)
  end)
end)

describe("served events", function()
  it("arrive one by one, and end with the client", function()
    local ended = lull.future()
    local app = http.router():get("/events", function()
      return http.sse(function(events)
        local _ <close> = lull.finally(function() ended:set(true) end)
        for i = 1, 2 do events:send { id = tostring(i), data = "event " .. i } end
        while true do
          lull.sleep(0.001)
          events:send "more"
        end
      end)
    end)
    served(app, function(_, server)
      local stream <close> = net.connect("127.0.0.1", server.port)
      stream:write "GET /events HTTP/1.1\r\nHost: x\r\n\r\n"
      local head = stream:read_until "\r\n\r\n"
      assert.matches("text/event%-stream", head)
      stream:read_until "data: event 1\n\n"
      stream:read_until "data: event 2\n\n"
      stream:read_until "data: more\n\n"
      stream:abort()
      assert.is_true(lull.timeout(20, ended.await, ended))
    end)
  end)

  it("end when the function does", function()
    local app = http.router():get("/", function()
      return http.sse(function(events) events:send "only" end)
    end)
    served(app, function(ask)
      assert.are.equal(":\n\ndata: only\n\n", ask("GET /").body)
    end)
  end)
end)

describe("served middleware", function()
  it("sets cookies, ids and headers, whatever handlers return", function()
    local app = http.router()
      :use(middleware.request_id())
      :use(middleware.secure_headers())
      :get("/string", function() return "string" end)
      :get("/json", function() return { json = { a = 1 } } end)
      :get("/stream", function()
        local left = 2
        return function()
          left = left - 1
          return left >= 0 and "piece " or nil
        end
      end)
      :get("/nothing", function() end)
      :get("/cookies", function(req)
        local response = { body = req.cookies.a or "none", headers = {} }
        cookie.set(response.headers, "a", "1")
        cookie.set(response.headers, "b", "2")
        return response
      end)
    served(app, function(ask)
      for path, body in pairs { string = "string", json = '{"a":1}', stream = "piece piece ", nothing = "" } do
        local response = ask("GET /" .. path, { ["X-Request-Id"] = "mine" })
        assert.are.equal(body, response.body)
        assert.are.equal("mine", response.headers["x-request-id"])
        assert.are.equal("nosniff", response.headers["x-content-type-options"])
      end
      assert.are.equal(204, ask("GET /nothing").status)
      local response = ask("GET /cookies", { Cookie = "a=7" })
      assert.are.equal("7", response.body)
      assert.matches("\r\n[Ss]et%-[Cc]ookie: a=1; .*\r\n[Ss]et%-[Cc]ookie: b=2; ", response.head)
    end)
  end)

  it("expands requests and compresses responses", function()
    local app = http.router()
      :use(http_compress.requests { max = 1000000 })
      :use(http_compress())
      :post("/", function(req) return req:body() end)
      :post("/json", function(req) return { json = req:json() } end)
    served(app, function(ask)
      local gzip = { ["Content-Encoding"] = "gzip", ["Accept-Encoding"] = "deflate, gzip" }
      local response = ask("POST /", gzip, compress.encode("gzip", TEXT))
      assert.are.equal(TEXT, compress.decode("gzip", response.body))
      response = ask("POST /json", { ["Content-Encoding"] = "gzip", ["Content-Type"] = "application/json" },
        compress.encode("gzip", '{"a":[1]}'))
      assert.are.equal('{"a":[1]}', response.body)
      assert.are.equal(400, ask("POST /", { ["Content-Encoding"] = "gzip" }, "no").status)
      assert.are.equal(413, ask("POST /", { ["Content-Encoding"] = "gzip" },
        compress.encode("gzip", TEXT:rep(10))).status)
      assert.are.equal(415, ask("POST /", { ["Content-Encoding"] = "x" }, "no").status)
    end)
  end)

  it("and log lines tell what was sent", function()
    local lines = {}
    local opts = { access_log = log.new("combined", function(line) lines[#lines + 1] = line end) }
    served(http.router():get("/x", function() return "12345" end), function(ask)
      ask("GET /x", { ["User-Agent"] = 'a"b' })
      ask "GET /y"
    end, opts)
    assert.matches('^127%.0%.0%.1 %- %- %[.*%] "GET /x HTTP/1%.1" 200 5 "%-" "a\\x22b"$', lines[1])
    assert.matches('"GET /y HTTP/1%.1" 404 ', lines[2])
  end)
end)
