--- http_cookie_spec.lua: cookies read, written and signed.

local cookie = require "lull.http.cookie"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_request.lua")
local misuse = support.misuse
local has_crypto = pcall(require, "lull.crypto")

describe("reading cookies", function()
  it("gives names and values", function()
    assert.are.same({ a = "1", b = "x=y", c = "" }, cookie.parse "a=1; b=x=y; c=")
    assert.are.same({}, cookie.parse "")
  end)

  it("takes the first of a name", function()
    assert.are.same({ a = "1" }, cookie.parse "a=1; a=2")
    assert.are.same({ a = "" }, cookie.parse "a=; a=2")
  end)

  it("is tolerant", function()
    assert.are.same({ a = "1", b = "2", c = "a b", d = "%20" },
      cookie.parse ' a = 1 ;;b="2";novalue; =x;c=a b;\t;d=%20;')
    assert.are.same({ a = '"', b = '"x' }, cookie.parse 'a=";b="x')
  end)

  it("takes many in linear time", function()
    assert.are.equal("7", cookie.parse(("a=1; "):rep(20000) .. "b=7").b)
    assert.are.equal(1000002, #cookie.parse("a=x" .. (" "):rep(1000000) .. "x").a)
  end)
end)

describe("writing a cookie", function()
  it("has safe defaults", function()
    assert.are.equal("id=x; Path=/; HttpOnly; SameSite=Lax", cookie.format("id", "x"))
  end)

  it("has all attributes", function()
    local text = cookie.format("id", "x", {
      path = "/a", domain = "example.com", max_age = 60, expires = 60.5, secure = true,
      http_only = false, same_site = "none", partitioned = true,
    })
    assert.are.equal("id=x; Path=/a; Domain=example.com; Max-Age=60; "
      .. "Expires=Thu, 01 Jan 1970 00:01:00 GMT; Secure; SameSite=None; Partitioned", text)
    assert.are.equal("id=", cookie.format("id", "", { path = false, same_site = false, http_only = false }))
  end)

  it("refuses what would be another cookie, attribute or header", function()
    for _, value in ipairs {
      "a;b", "a b", "a,b", 'a"b', "a\\b", "a\r\nSet-Cookie: b=c", "\0", "\127", "é", 1,
    } do
      misuse(cookie.format, "id", value)
    end
    for _, name in ipairs { "", "a=b", "a b", "a;b", "a\n", "é", "a\0", '"', 1 } do
      misuse(cookie.format, name, "x")
    end
    for _, path in ipairs { "", "a", "/;x", "/\r\n", "/\0", true } do
      misuse(cookie.format, "id", "x", { path = path })
    end
    for _, domain in ipairs { "", "a;b", "a b", "a\n", "a/b" } do
      misuse(cookie.format, "id", "x", { domain = domain })
    end
  end)

  it("refuses what browsers would drop", function()
    for _, attributes in ipairs {
      { same_site = "none" }, { same_site = "never" }, { same_site = true }, { partitioned = true },
      { max_age = -1 }, { httponly = true },
    } do
      misuse(cookie.format, "id", "x", attributes)
    end
    misuse(cookie.format, "id", ("x"):rep(4095))
    assert.are.equal("x=" .. ("x"):rep(4095) .. "; Path=/; HttpOnly; SameSite=Lax",
      cookie.format("x", ("x"):rep(4095)))
  end)

  it("keeps the promise of its prefix", function()
    for _, name in ipairs { "__Host-id", "__host-id" } do
      misuse(cookie.format, name, "x")
      misuse(cookie.format, name, "x", { secure = true, domain = "a.b" })
      misuse(cookie.format, name, "x", { secure = true, path = "/a" })
      misuse(cookie.format, name, "x", { secure = true, path = false })
      assert.are.equal(name .. "=x; Path=/; Secure; HttpOnly; SameSite=Lax",
        cookie.format(name, "x", { secure = true }))
    end
    misuse(cookie.format, "__Secure-id", "x")
    misuse(cookie.format, "__SECURE-id", "x")
    cookie.format("__Secure-id", "x", { secure = true, path = "/a" })
  end)
end)

describe("the headers of a response", function()
  it("get cookies one by one", function()
    local headers = {}
    cookie.set(headers, "a", "1", { http_only = false })
    cookie.set(headers, "b", "2")
    assert.are.same({ "a=1; Path=/; SameSite=Lax", "b=2; Path=/; HttpOnly; SameSite=Lax" },
      headers["set-cookie"])
    headers = { ["set-cookie"] = "c=3" }
    cookie.set(headers, "a", "1")
    assert.are.equal("c=3", headers["set-cookie"][1])
    misuse(cookie.set, nil, "a", "1")
  end)

  it("have them removed", function()
    local headers = {}
    cookie.remove(headers, "a", { path = "/x", max_age = 7 })
    assert.are.same({
      "a=; Path=/x; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax",
    }, headers["set-cookie"])
  end)
end)

describe("a signer", function()
  local KEY <const>, OLD <const> = "0123456789abcdef", "fedcba9876543210"
  if not has_crypto then
    return it("signs", function() pending("needs libcrypto") end)
  end

  it("gives back what it has signed, any bytes", function()
    local signer = cookie.signer(KEY)
    for _, value in ipairs { "", "user=7", "\0\r\n;é", ("x"):rep(1000) } do
      local signed = signer:sign("id", value)
      assert.are.equal(value, signer:verify("id", signed))
      cookie.format("id", signed)
    end
  end)

  it("believes nothing that was changed", function()
    local signer = cookie.signer(KEY)
    local signed = signer:sign("id", "user=7")
    for i = 1, #signed do
      local other = signed:sub(i, i) == "A" and "B" or "A"
      assert.is_nil(signer:verify("id", signed:sub(1, i - 1) .. other .. signed:sub(i + 1)), i)
    end
    for _, text in ipairs { "", ".", "..", signed .. ".", signed .. "x", signed:sub(1, -2), "x" .. signed } do
      assert.is_nil(signer:verify("id", text), text)
    end
    assert.is_nil(signer:verify("id", nil))
  end)

  it("believes nothing under another name or another key", function()
    local signed = cookie.signer(KEY):sign("id", "x")
    assert.is_nil(cookie.signer(KEY):verify("ie", signed))
    assert.is_nil(cookie.signer(OLD):verify("id", signed))
  end)

  it("changes keys", function()
    local signed = cookie.signer(OLD):sign("id", "x")
    local signer = cookie.signer { KEY, OLD }
    assert.are.equal("x", signer:verify("id", signed))
    assert.are.equal("x", cookie.signer(KEY):verify("id", signer:sign("id", "x")))
  end)

  it("believes nothing that is too old", function()
    local signer = cookie.signer(KEY, { max_age = 60 })
    local signed = signer:sign("id", "x", 1000)
    assert.are.equal("x", signer:verify("id", signed, 1060))
    assert.is_nil(signer:verify("id", signed, 1061))
    assert.are.equal("x", cookie.signer(KEY):verify("id", signed))
  end)

  it("needs keys", function()
    misuse(cookie.signer, {})
    misuse(cookie.signer, "short")
    misuse(cookie.signer, { KEY, 1 })
    misuse(cookie.signer)
    misuse(cookie.signer, KEY, { age = 1 })
  end)
end)
