--- http_middleware_spec.lua: what applications put around their handlers, and log lines.

local lull = require "lull"
local log = require "lull.http.log"
local middleware = require "lull.http.middleware"
local router = require "lull.http.router"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_request.lua")
local request, misuse = support.request, support.misuse
local has_crypto <const> = pcall(require, "lull.crypto")

local function through(mw, headers, fields, result)
  fields = fields or {}
  fields.headers = headers or {}
  local req = request(fields.method or "GET", fields.path or "/", fields)
  return mw(req, function() return result or "body" end), req
end

describe("request ids", function()
  it("are the server's, and sent back", function()
    local response, req = through(middleware.request_id())
    assert.are.equal("1", response.headers["x-request-id"])
    assert.are.equal("body", response.body)
    assert.are.equal("1", req.id)
  end)

  it("are the client's where that is a sane one", function()
    local response, req = through(middleware.request_id(), { ["x-request-id"] = "abc-1.2_3" })
    assert.are.equal("abc-1.2_3", response.headers["x-request-id"])
    assert.are.equal("abc-1.2_3", req.id)
    for _, bad in ipairs { "", "a b", "a\tb", "<x>", ("x"):rep(129), "a;b", '"' } do
      response = through(middleware.request_id(), { ["x-request-id"] = bad })
      assert.are.equal("1", response.headers["x-request-id"])
    end
    local distrusting = middleware.request_id { trust = false, header = "X-Id" }
    assert.are.equal("1", through(distrusting, { ["x-id"] = "abc" }).headers["x-id"])
  end)
end)

describe("cors", function()
  local ORIGIN <const> = "https://a.test"

  it("lets everybody read", function()
    local headers = through(middleware.cors(), { origin = ORIGIN }).headers
    assert.are.equal("*", headers["access-control-allow-origin"])
    assert.is_nil(headers.vary)
    assert.is_nil(headers["access-control-allow-credentials"])
    assert.is_nil(through(middleware.cors()).headers["access-control-allow-origin"])
  end)

  it("lets some read, and says that it depends", function()
    local mw = middleware.cors { origins = { ORIGIN }, credentials = true, expose = { "x-a", "x-b" } }
    local headers = through(mw, { origin = ORIGIN }).headers
    assert.are.equal(ORIGIN, headers["access-control-allow-origin"])
    assert.are.equal("true", headers["access-control-allow-credentials"])
    assert.are.equal("x-a, x-b", headers["access-control-expose-headers"])
    assert.are.equal("origin", headers.vary)
    for _, other in ipairs { "https://b.test", "null", ORIGIN .. ".evil.test", "HTTPS://A.TEST", "", "*" } do
      headers = through(mw, { origin = other }).headers
      assert.is_nil(headers["access-control-allow-origin"])
      assert.is_nil(headers["access-control-allow-credentials"])
      assert.are.equal("origin", headers.vary)
    end
  end)

  it("asks a function", function()
    local mw = middleware.cors { origins = function(origin) return origin:find("%.test$") ~= nil end }
    assert.are.equal(ORIGIN, through(mw, { origin = ORIGIN }).headers["access-control-allow-origin"])
    assert.is_nil(through(mw, { origin = "https://a.com" }).headers["access-control-allow-origin"])
  end)

  it("answers a browser that asks, whatever routes there are", function()
    local app = router.new():use(middleware.cors()):post("/x", function() return "x" end)
    local response = app(request("OPTIONS", "/x", { headers = {
      origin = ORIGIN, ["access-control-request-method"] = "PUT",
      ["access-control-request-headers"] = "x-a, content-type",
    } }))
    assert.are.equal(204, response.status)
    assert.are.equal("*", response.headers["access-control-allow-origin"])
    assert.are.equal("PUT", response.headers["access-control-allow-methods"])
    assert.are.equal("x-a, content-type", response.headers["access-control-allow-headers"])
    assert.are.equal(600, response.headers["access-control-max-age"])
    assert.are.equal("POST, OPTIONS", app(request("OPTIONS", "/x")).headers.allow)
  end)

  it("repeats nothing that could be another header", function()
    local response = through(middleware.cors(), {
      origin = ORIGIN, ["access-control-request-method"] = "PUT\r\nX: y",
      ["access-control-request-headers"] = "a\nb",
    }, { method = "OPTIONS" })
    assert.is_nil(response.headers["access-control-allow-methods"])
    assert.is_nil(response.headers["access-control-allow-headers"])
  end)

  it("refuses what would open everything", function()
    misuse(middleware.cors, { credentials = true })
    misuse(middleware.cors, { origins = "https://a.test" })
    misuse(middleware.cors, { origin = "*" })
  end)
end)

describe("careful headers", function()
  it("are set where the handler has set none", function()
    local headers = through(middleware.secure_headers(), nil, nil, {
      headers = { ["X-Frame-Options"] = "DENY" }, body = "x",
    }).headers
    assert.are.equal("nosniff", headers["x-content-type-options"])
    assert.are.equal("DENY", headers["x-frame-options"])
    assert.is_nil(headers["strict-transport-security"])
  end)

  it("include HSTS over TLS", function()
    local function hsts(opts)
      local headers = through(middleware.secure_headers(opts), nil, { scheme = "https" }).headers
      return headers["strict-transport-security"]
    end
    assert.are.equal("max-age=15552000", hsts())
    assert.are.equal("max-age=60", hsts { hsts = 60 })
    assert.is_nil(hsts { hsts = false })
  end)

  it("can be others", function()
    local headers = through(middleware.secure_headers {
      headers = { ["Content-Security-Policy"] = "default-src 'self'", ["x-frame-options"] = false },
    }).headers
    assert.are.equal("default-src 'self'", headers["content-security-policy"])
    assert.is_nil(headers["x-frame-options"])
  end)
end)

describe("a time for handlers", function()
  it("ends in 503", function()
    require("lull.testing").virtual_time(function()
      local cancelled
      local response = middleware.timeout(5)(request("GET", "/"), function()
        local _ <close> = setmetatable({}, { __close = function() cancelled = true end })
        lull.sleep(10)
      end)
      assert.are.equal(503, response.status)
      assert.is_true(cancelled)
      assert.are.equal("in time", middleware.timeout(5)(request("GET", "/"), function()
        lull.sleep(4)
        return "in time"
      end))
    end)
    misuse(middleware.timeout)
    misuse(middleware.timeout, 0)
  end)
end)

describe("basic authentication", function()
  if not has_crypto then
    return it("asks for a name", function() pending("needs libcrypto") end)
  end
  local crypto = require "lull.crypto"
  local mw = middleware.basic_auth { users = { me = "sec:ret", empty = "" } }

  local function with(text)
    return through(mw, { authorization = text })
  end

  it("lets in who knows the password", function()
    local response, req = with("Basic " .. crypto.base64_encode "me:sec:ret")
    assert.are.equal("body", response)
    assert.are.equal("me", req.user)
    assert.are.equal("body", (with("bASIC  " .. crypto.base64_encode "me:sec:ret")))
    assert.are.equal("body", (with("Basic " .. crypto.base64_encode "empty:")))
  end)

  it("asks everybody else", function()
    for _, text in ipairs {
      "me:wrong", "me:", "me", "you:sec:ret", ":", "", "me:sec:ret\n", "me:sec:ret ", "\0:",
    } do
      local response, req = with("Basic " .. crypto.base64_encode(text))
      assert.are.equal(401, response.status, text)
      assert.are.equal('Basic realm="restricted", charset="UTF-8"', response.headers["www-authenticate"])
      assert.is_nil(req.user)
    end
    for _, text in ipairs {
      "Basic", "Basic !", "Bearer x", "Basic bWU6c2VjOnJldA", "x Basic bWU6c2VjOnJldA==",
    } do
      assert.are.equal(401, (with(text).status))
    end
    assert.are.equal(401, (with(nil).status))
  end)

  it("can ask a function", function()
    local asking = middleware.basic_auth {
      verify = function(user, password) return user == password end, realm = "r",
    }
    local response = through(asking, { authorization = "Basic " .. crypto.base64_encode "a:a" })
    assert.are.equal("body", response)
    misuse(middleware.basic_auth)
    misuse(middleware.basic_auth, {})
    misuse(middleware.basic_auth, { users = {}, verify = print })
    misuse(middleware.basic_auth, { users = {}, realm = 'a"b' })
    misuse(middleware.basic_auth, { users = { a = 1 } })
  end)
end)

describe("a rate limit", function()
  it("holds for each client", function()
    require("lull.testing").virtual_time(function()
      local mw = middleware.rate_limit { rate = 2, burst = 3 }
      local function status(peer)
        local response = through(mw, nil, { peer = peer })
        return type(response) == "table" and response.status or 200, response
      end
      for _ = 1, 3 do assert.are.equal(200, (status "a")) end
      local code, response = status "a"
      assert.are.equal(429, code)
      assert.are.equal(1, response.headers["retry-after"])
      assert.are.equal(200, (status "b"))
      lull.sleep(0.5)
      assert.are.equal(200, (status "a"))
      assert.are.equal(429, (status "a"))
      lull.sleep(100)
      for _ = 1, 3 do assert.are.equal(200, (status "a")) end
      assert.are.equal(429, (status "a"))
    end)
  end)

  it("remembers a bounded number of them", function()
    local mw = middleware.rate_limit { rate = 1 }
    collectgarbage()
    for i = 1, 25000 do through(mw, nil, { peer = "client " .. i }) end
    collectgarbage()
    local before = collectgarbage "count"
    for i = 25001, 50000 do through(mw, nil, { peer = "client " .. i }) end
    collectgarbage()
    assert.is_true(collectgarbage "count" < before + 4000)
    misuse(middleware.rate_limit)
    misuse(middleware.rate_limit, { rate = 0 })
  end)
end)

describe("a log line", function()
  local function line(format, fields, headers)
    local entry = { method = "GET", target = "/a?b=c", status = 200, bytes = 12, seconds = 0.25 }
    entry.request = request("GET", "/a", { headers = headers or {}, version = "1.1" })
    for key, value in pairs(fields or {}) do entry[key] = value end
    local got
    log.new(format, function(text) got = text end)(entry)
    return got
  end

  it("has the common form", function()
    local date = "%[%d%d/%a%a%a/%d%d%d%d:%d%d:%d%d:%d%d %+0000%]"
    assert.matches('^127%.0%.0%.1 %- %- ' .. date .. ' "GET /a%?b=c HTTP/1%.1" 200 12$', line "common")
  end)

  it("has the combined form", function()
    local text = line(nil, nil, { referer = "http://r/", ["user-agent"] = "agent/1" })
    assert.matches('" 200 12 "http://r/" "agent/1"$', text)
    assert.matches('" 200 12 "%-" "%-"$', line())
  end)

  it("is JSON that can be read", function()
    local text = line("json", { target = '/"\\\n\0é' }, { ["user-agent"] = "x" })
    local ok, json = pcall(require, "lull.json")
    if not ok then return pending "needs lull.json" end
    local entry = json.decode(text)
    assert.are.equal(200, entry.status)
    assert.are.equal(0.25, entry.seconds)
    assert.are.equal("x", entry.agent)
    assert.are.equal("1", entry.id)
  end)

  it("tells of what was no request", function()
    local refused = { status = 400, bytes = 9, seconds = 0, peer = "127.0.0.1" }
    for format, wanted in pairs {
      common = '^127%.0%.0%.1 %- %- %[.*%] "%-" 400 9$',
      combined = ' "%-" 400 9 "%-" "%-"$',
      json = '"peer":"127.0.0.1","method":null,"target":null,"status":400,',
    } do
      log.new(format, function(text) assert.matches(wanted, text) end)(refused)
    end
  end)

  it("cannot be ended or forged by a client", function()
    for _, format in ipairs { "common", "combined", "json" } do
      local text = line(format, { target = '/\r\n127.0.0.1 - - "x"\27[31m' }, { ["user-agent"] = '"\n\\' })
      assert.is_nil(text:find("[\r\n\27]"))
    end
    assert.matches('"\\x22\\x0A\\x5C"$', line("combined", nil, { ["user-agent"] = '"\n\\' }))
  end)

  it("can have any form", function()
    assert.are.equal("200", line(function(entry) return tostring(entry.status) end))
    misuse(log.new, "short")
    misuse(log.new, "json", 1)
  end)
end)
