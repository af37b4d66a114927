--- http_compress_spec.lua: bodies compressed for who takes them, and expanded when they come so.

local accept = require "lull.http.accept"
local compress = require "lull.compress"
local http_compress = require "lull.http.compress"
local static = require "lull.http.static"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_request.lua")
local request, raises, misuse = support.request, support.raises, support.misuse

local TEXT <const> = ("to be or not to be; "):rep(500)

--- The response to a request with these headers, its body read, under the middleware.
local function answer(result, headers, opts)
  local middleware = http_compress(opts)
  local response = middleware(request("GET", "/", { headers = headers }), function() return result end)
  if type(response.body) == "table" then
    local parts = {}
    for part in response.body do parts[#parts + 1] = part end
    response.body:close()
    response.parts, response.body = parts, table.concat(parts)
  end
  return response
end

--- The coding of the response, after its body was expanded and compared.
local function coding(result, header, opts)
  local response = answer(result, { ["accept-encoding"] = header }, opts)
  local name = response.headers["content-encoding"]
  if name then response.body = compress.decode(name, response.body) end
  return name, response
end

describe("negotiation", function()
  it("takes the best of those the client takes", function()
    local offers = { "br", "gzip" }
    for header, expected in pairs {
      ["gzip, deflate, br"] = "br", ["gzip"] = "gzip", ["GZIP"] = "gzip", ["x-gzip"] = "gzip",
      ["gzip;q=1.0, br;q=0.5"] = "gzip", ["br;q=0.001"] = "br", ["*"] = "br",
      ["*;q=0.5, br;q=0"] = "gzip", ["identity;q=0.5, gzip;q=0.6"] = "gzip",
      ["gzip;q=0.5, identity;q=0.5"] = "gzip", [" br ; q=1 , gzip"] = "br",
      ["gzip;q=0, gzip;q=1, br"] = "br", ["br;Q=0.1"] = "br",
    } do
      assert.are.equal(expected, accept.encoding(header, offers), header)
    end
  end)

  it("sends it as it is otherwise", function()
    for _, header in ipairs {
      "", "identity", "deflate", "gzip;q=0", "*;q=0", "gzip;q=0.000, br;q=0", "identity, gzip;q=0.9",
      "gzip;q=2", "gzip;q=abc", "gzip;q=", "gzip;q=1.5", ";", ",,,", "gzip;q=-1", ("x,"):rep(65) .. "gzip",
    } do
      assert.is_nil(accept.encoding(header, { "br", "gzip" }), header)
    end
    assert.is_nil(accept.encoding(nil, { "gzip" }))
  end)

  it("of media types goes from the particular to the general", function()
    local offers = { "text/plain", "application/json" }
    assert.are.equal("text/plain", accept.media(nil, offers))
    assert.are.equal("text/plain", accept.media("*/*", offers))
    assert.are.equal("application/json", accept.media("application/*, text/*;q=0.1", offers))
    assert.are.equal("application/json", accept.media("text/plain;q=0, */*", offers))
    assert.is_nil(accept.media("image/png", offers))
  end)
end)

describe("a response", function()
  it("is compressed", function()
    for _, name in ipairs { "gzip", "br", "zstd" } do
      if pcall(compress.new, name) then
        local got, response = coding({ body = TEXT, headers = { ["Content-Type"] = "text/html" } }, name)
        assert.are.equal(name, got)
        assert.are.equal(TEXT, response.body)
        assert.are.equal("accept-encoding", response.headers.vary)
      end
    end
  end)

  it("may be a string, JSON or a stream", function()
    assert.are.equal("gzip", (coding(TEXT, "gzip")))
    local name, response = coding({ json = { text = TEXT } }, "gzip")
    assert.are.equal("gzip", name)
    assert.are.equal("application/json", response.headers["content-type"])
    assert.matches("to be or not", response.body)
    local left = 3
    name, response = coding(function()
      left = left - 1
      return left >= 0 and "piece " .. left .. "\n" or nil
    end, "gzip")
    assert.are.equal("gzip", name)
    assert.are.equal("piece 2\npiece 1\npiece 0\n", response.body)
    assert.is_true(#response.parts >= 3)
  end)

  it("that is streamed can be read up to each piece", function()
    local pieces = { "one", "two" }
    local req = request("GET", "/", { headers = { ["accept-encoding"] = "gzip" } })
    local response = http_compress()(req, function()
      return { body = function() return table.remove(pieces, 1) end }
    end)
    local decoder = compress.decoder "gzip"
    assert.are.equal("one", decoder:write(response.body()))
    assert.are.equal("two", decoder:write(response.body()))
    assert.are.equal("", decoder:finish(response.body()))
    assert.is_nil(response.body())
    response.body:close()
  end)

  it("that is streamed closes what it comes from", function()
    local closed = 0
    local body = setmetatable({ close = function() closed = closed + 1 end }, {
      __call = function() return "x" end,
    })
    local req = request("GET", "/", { headers = { ["accept-encoding"] = "gzip" } })
    local response = http_compress()(req, function() return { body = body } end)
    response.body()
    response.body:close()
    assert.are.equal(1, closed)
    assert.is_nil(response.body())
  end)

  it("may be a file", function()
    local root, _, _ <close> = support.folder()
    support.write(root .. "/big.txt", TEXT)
    local handler = static.new(root)
    local middleware = http_compress()
    local req = request("GET", "/big.txt", { headers = { ["accept-encoding"] = "gzip" } })
    local response = middleware(req, handler)
    assert.is_nil(response.file)
    assert.is_nil(response.headers["content-length"])
    assert.is_nil(response.headers["accept-ranges"])
    assert.are.equal('W/"', response.headers.etag:sub(1, 3))
    local parts = {}
    for part in response.body do parts[#parts + 1] = part end
    response.body:close()
    assert.are.equal(TEXT, compress.decode("gzip", table.concat(parts)))
    req = request("GET", "/big.txt", { headers = {
      ["accept-encoding"] = "gzip", ["if-none-match"] = response.headers.etag,
    } })
    response = middleware(req, handler)
    assert.are.equal(304, response.status)
    assert.are.equal("accept-encoding", response.headers.vary)
    req = request("GET", "/big.txt", { headers = { ["accept-encoding"] = "gzip", range = "bytes=0-4000" } })
    response = middleware(req, handler)
    assert.are.equal(206, response.status)
    assert.is_nil(response.headers["content-encoding"])
    response.file.handle:close()
  end)

  it("is left alone when it has a coding, is a part, small, of such a type, or says so", function()
    for _, response in ipairs {
      { body = TEXT, headers = { ["Content-Encoding"] = "x" } },
      { body = TEXT, headers = { ["content-range"] = "bytes 0-1/2" }, status = 206 },
      { body = TEXT, headers = { ["content-type"] = "image/png" } },
      { body = TEXT, headers = { ["content-type"] = "text/event-stream" } },
      { body = TEXT, headers = { ["cache-control"] = "public, No-Transform" } },
      { body = "small" },
      { status = 204 },
      { status = 304, body = TEXT },
    } do
      local got = answer(response, { ["accept-encoding"] = "gzip" })
      assert.are.equal(response.body == nil or got.headers["content-encoding"] == "x",
        got.headers["content-encoding"] ~= nil or response.body == nil)
      assert.are.equal(response.body, got.body)
    end
    assert.is_nil((coding({ body = TEXT }, nil)))
  end)

  it("says that it depends on the header, compressed or not", function()
    assert.are.equal("accept-encoding", answer(TEXT, {}).headers.vary)
    for before, after in pairs {
      Origin = "Origin, accept-encoding", ["a, Accept-Encoding"] = "a, Accept-Encoding", ["*"] = "*",
      ["x-accept-encoding"] = "x-accept-encoding, accept-encoding",
    } do
      assert.are.equal(after, answer({ body = TEXT, headers = { vary = before } }, {}).headers.vary)
    end
    assert.is_nil(answer("small", {}).headers.vary)
  end)

  it("of the handler is not changed", function()
    local kept = { body = TEXT, headers = { etag = '"x"' } }
    local _, response = coding(kept, "gzip")
    assert.are.equal('W/"x"', response.headers.etag)
    assert.are.same({ body = TEXT, headers = { etag = '"x"' } }, kept)
  end)

  it("is compressed as the options say", function()
    assert.are.equal("gzip", (coding("small", "gzip", { min = 1 })))
    assert.are.equal("gzip", (coding({ body = TEXT, headers = { ["content-type"] = "image/x" } }, "gzip", {
      types = function(media) return media == "image/x" end,
    })))
    assert.are.equal("deflate", (coding(TEXT, "gzip, deflate", { encodings = { "deflate", "gzip" } })))
    local _, low = coding(TEXT, "gzip", { level = { gzip = 1 } })
    assert.are.equal(TEXT, low.body)
    misuse(http_compress, { levl = 1 })
    misuse(http_compress, { encodings = { "lzma" } })
    misuse(http_compress, { level = { gzip = 10 } })
  end)
end)

describe("a request's body", function()
  local function read(fields, opts)
    local seen
    local req = request("POST", "/", fields)
    local response = http_compress.requests(opts)(req, function(r)
      seen = r:body()
      assert.are.equal(seen, r:body())
      return "ok"
    end)
    return seen, response
  end

  local function refuses(status, fields, opts)
    local e = raises("http", read, fields, opts)
    assert.are.equal(status, e.status)
  end

  it("is expanded", function()
    for _, name in ipairs(compress.names()) do
      local bytes = compress.encode(name, TEXT)
      assert.are.equal(TEXT, (read { headers = { ["content-encoding"] = name }, body = bytes }))
    end
    assert.are.equal("plain", (read { headers = { ["content-encoding"] = "identity" }, body = "plain" }))
    assert.are.equal("plain", (read { body = "plain" }))
  end)

  it("in a coding that is not known is a 415", function()
    local seen, response = read { headers = { ["content-encoding"] = "gzip, br" }, body = "x" }
    assert.is_nil(seen)
    assert.are.equal(415, response.status)
    assert.matches("gzip", response.headers["accept-encoding"])
  end)

  it("that is broken, cut off or a bomb is refused", function()
    local gzip = { ["content-encoding"] = "gzip" }
    refuses(400, { headers = gzip, body = "no gzip" })
    refuses(400, { headers = gzip, body = compress.encode("gzip", TEXT):sub(1, -2) })
    refuses(400, { headers = gzip, body = compress.encode("gzip", TEXT) .. "x" })
    refuses(413, { headers = gzip, body = compress.encode("gzip", ("x"):rep(2000000)) })
    refuses(413, { headers = gzip, body = compress.encode("gzip", TEXT) }, { max = 1000 })
  end)

  it("is expanded no more when the handler is over, unless its response goes on", function()
    local gzip = { ["content-encoding"] = "gzip" }
    local function after(response)
      local req = request("POST", "/", { headers = gzip, body = compress.encode("gzip", TEXT) })
      pcall(http_compress.requests(), req, function() return response or error "x" end)
      return req
    end
    raises("closed", after("text").body)
    raises("closed", after().body)
    local req
    req = after { body = function() return req:body() end }
    assert.are.equal(TEXT, req:body())
  end)

  it("that goes on and comes to nothing is refused", function()
    local endless = compress.encode("gzip", ""):sub(1, 10) .. ("\0\0\0\xFF\xFF"):rep(10000)
    refuses(413, { headers = { ["content-encoding"] = "gzip" }, body = endless }, { max = 1000 })
  end)
end)
