--- crypto_spec.lua: digests, base64 and random bytes.

local crypto = require "lull.crypto"

local function hex(bytes)
  return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

local function bytes_of(text)
  return (text:gsub("%x%x", function(digits) return string.char(tonumber(digits, 16)) end))
end

describe("digests", function()
  it("sha1 gives the vectors of RFC 3174", function()
    assert.are.equal("da39a3ee5e6b4b0d3255bfef95601890afd80709", hex(crypto.sha1 ""))
    assert.are.equal("a9993e364706816aba3e25717850c26c9cd0d89d", hex(crypto.sha1 "abc"))
    assert.are.equal("34aa973cd4c4daa4f61eeb2bdbad27316534016f", hex(crypto.sha1(("a"):rep(1000000))))
    local text <const> = ("01234567"):rep(80)
    assert.are.equal("dea356a2cddd90c7a7ecedc5ebb563934f460452", hex(crypto.sha1(text)))
  end)

  it("sha256 gives the vectors of FIPS 180-4", function()
    assert.are.equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      hex(crypto.sha256 "abc"))
    assert.are.equal("248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
      hex(crypto.sha256 "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))
    assert.are.equal("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
      hex(crypto.sha256(("a"):rep(1000000))))
  end)

  it("hmac_sha256 gives the vectors of RFC 4231", function()
    local cases <const> = {
      { bytes_of(("0b"):rep(20)), "Hi There",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
      { "Jefe", "what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
      { bytes_of(("aa"):rep(20)), bytes_of(("dd"):rep(50)),
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe" },
      { bytes_of(("aa"):rep(131)), "Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
    }
    for _, case in ipairs(cases) do
      assert.are.equal(case[3], hex(crypto.hmac_sha256(case[1], case[2])))
    end
    assert.are.equal(32, #crypto.hmac_sha256("", ""))
  end)

  it("take strings only", function()
    for _, name in ipairs { "sha1", "sha256", "base64_encode", "base64_decode" } do
      assert.has_error(function() crypto[name]({}) end)
    end
  end)
end)

describe("base64", function()
  local vectors <const> = { -- RFC 4648, section 10
    { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" },
    { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
  }

  it("gives the vectors of RFC 4648, both ways", function()
    for _, vector in ipairs(vectors) do
      assert.are.equal(vector[2], crypto.base64_encode(vector[1]))
      assert.are.equal(vector[1], crypto.base64_decode(vector[2]))
    end
  end)

  it("takes any bytes, both ways, in both alphabets", function()
    local all <const> = {}
    for i = 0, 255 do all[i + 1] = string.char(i) end
    local bytes <const> = table.concat(all)
    for length = 0, 256 do
      local part <const> = bytes:sub(-length - 1, -2)
      assert.are.equal(part, crypto.base64_decode(crypto.base64_encode(part)))
      assert.are.equal(part, crypto.base64url_decode(crypto.base64url_encode(part)))
    end
  end)

  it("has an alphabet for URLs, without padding", function()
    assert.are.equal("+/+/", crypto.base64_encode "\xfb\xff\xbf")
    assert.are.equal("-_-_", crypto.base64url_encode "\xfb\xff\xbf")
    assert.are.equal("Zg", crypto.base64url_encode "f")
    assert.are.equal("f", crypto.base64url_decode "Zg")
    assert.are.equal("f", crypto.base64url_decode "Zg==")
  end)

  it("refuses what is none, or has a second form", function()
    for _, text in ipairs {
      "Z", "Zg", "Zg=", "Zg===", "=", "====", "Zg==Zg==", "Z===", "Zm9v\n", " Zm9v", "Zm9-", "Zm9_",
      "Zh==", "Zm9=", "Zm8=Zm8=", "Zm\0v", "Zm\xffv",
    } do
      assert.is_nil(crypto.base64_decode(text), text)
    end
    for _, text in ipairs { "Z", "Zg=", "Zh", "Zm9+", "Zm9/", "Zm8=a", "=" } do
      assert.is_nil(crypto.base64url_decode(text), text)
    end
  end)
end)

describe("random", function()
  it("gives as many bytes as asked for, and others each time", function()
    for _, n in ipairs { 0, 1, 16, 100000 } do assert.are.equal(n, #crypto.random(n)) end
    assert.are_not.equal(crypto.random(16), crypto.random(16))
  end)

  it("refuses what is no sensible number", function()
    for _, n in ipairs { -1, 1048577, 0.5, math.huge, "x" } do
      assert.has_error(function() crypto.random(n) end)
    end
  end)
end)

describe("equal", function()
  it("compares strings", function()
    assert.is_true(crypto.equal("", ""))
    assert.is_true(crypto.equal("secret", "sec" .. "ret"))
    assert.is_false(crypto.equal("secret", "secres"))
    assert.is_false(crypto.equal("secret", "secre"))
    assert.is_false(crypto.equal("a\0b", "a\0c"))
  end)
end)
