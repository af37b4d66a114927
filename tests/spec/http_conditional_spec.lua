--- http_conditional_spec.lua: conditions, ranges and dates, as the files of a folder have them.

local date = require "lull.http.date"
local range = require "lull.http.range"
local static = require "lull.http.static"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_request.lua")
local ask, folder, sh, write, OLD = support.ask, support.folder, support.sh, support.write, support.OLD

describe("conditions", function()
  local function answers(status, headers, method)
    local root, _, _ <close> = folder()
    local handler = static.new(root)
    local etag = ask(handler, "GET", "/a.txt").headers.etag
    for name, value in pairs(headers) do headers[name] = value:gsub("ETAG", etag) end
    local response = ask(handler, method or "GET", "/a.txt", headers)
    assert.are.equal(status, response.status)
    return response
  end

  it("on the entity tag", function()
    local response = answers(304, { ["if-none-match"] = 'ETAG' })
    assert.is_nil(response.body)
    assert.is_nil(response.file)
    assert.is_string(response.headers.etag)
    assert.is_nil(response.headers["content-length"])
    answers(304, { ["if-none-match"] = 'W/ETAG' })
    answers(304, { ["if-none-match"] = '"x", ETAG' })
    answers(304, { ["if-none-match"] = '*' }, "HEAD")
    answers(200, { ["if-none-match"] = '"x"' })
    answers(200, { ["if-match"] = 'ETAG' })
    answers(200, { ["if-match"] = '*' })
    answers(412, { ["if-match"] = '"x", W/ETAG' })
  end)

  it("on the time of the last change", function()
    answers(304, { ["if-modified-since"] = date.format(OLD) })
    answers(304, { ["if-modified-since"] = date.format(OLD + 1) })
    answers(200, { ["if-modified-since"] = date.format(OLD - 1) })
    answers(200, { ["if-modified-since"] = "yesterday" })
    answers(200, { ["if-unmodified-since"] = date.format(OLD) })
    answers(412, { ["if-unmodified-since"] = date.format(OLD - 1) })
    answers(200, { ["if-unmodified-since"] = "yesterday" })
  end)

  it("in their order", function()
    answers(200, { ["if-none-match"] = '"x"', ["if-modified-since"] = date.format(OLD) })
    answers(200, { ["if-match"] = "ETAG", ["if-unmodified-since"] = date.format(OLD - 1) })
    answers(412, { ["if-match"] = '"x"', ["if-none-match"] = "ETAG" })
    answers(304, { ["if-none-match"] = "ETAG", range = "bytes=0-1" })
  end)

  it("see a change that leaves time and size as they were", function()
    local root, _, _ <close> = folder()
    local handler = static.new(root, { cache = 0 })
    local before = ask(handler, "GET", "/a.txt").headers.etag
    write(root .. "/new", "9876543210")
    os.rename(root .. "/new", root .. "/a.txt")
    local after = ask(handler, "GET", "/a.txt")
    assert.are.equal("9876543210", after.text)
    assert.are_not.equal(before, after.headers.etag)
  end)

  it("are weak for a file that has just changed", function()
    local root, _, _ <close> = folder()
    sh("touch %s/a.txt", root)
    local handler = static.new(root)
    local etag = ask(handler, "GET", "/a.txt").headers.etag
    assert.are.equal('W/"', etag:sub(1, 3))
    assert.are.equal(304, ask(handler, "GET", "/a.txt", { ["if-none-match"] = etag }).status)
    assert.are.equal(200, ask(handler, "GET", "/a.txt", { range = "bytes=0-1", ["if-range"] = etag }).status)
  end)
end)

describe("a range", function()
  it("is read in its forms", function()
    local function read(header, size)
      local list = {}
      for i, one in ipairs(range.read("bytes=" .. header, size or 10) or { false }) do
        list[i] = one and one.offset .. "+" .. one.length or "ignored"
      end
      return table.concat(list, " ")
    end
    for header, expected in pairs {
      ["0-0"] = "0+1", ["0-"] = "0+10", ["-3"] = "7+3", ["-30"] = "0+10", ["9-99"] = "9+1",
      [" 1-2 , 4-5 "] = "1+2 4+2",
      ["10-"] = "", ["-0"] = "", ["10-, 2-3"] = "2+2", ["0-99999999999999999999999"] = "0+10",
      ["99999999999999999999-"] = "", ["-99999999999999999999"] = "0+10", [",0-1,,"] = "0+2",
    } do
      assert.are.equal(expected, read(header), header)
    end
    for _, header in ipairs {
      "5-4", "-", "a-b", "1", "", ",", "1-2-3", "-1-", "0x1-2", "1 - 2", "0-,0-", "0-9,-1", "5-4,0-1",
      ("0-0,"):rep(17), "+1-2",
    } do
      assert.are.equal("ignored", read(header), header)
    end
    assert.are.equal("", read("0-", 0))
    assert.are.equal("", read("-1", 0))
    assert.is_nil(range.read("lines=1-2", 10))
    assert.is_nil(range.read("bytes", 10))
  end)

  local function part(header, more)
    local root, _, _ <close> = folder()
    local headers = { range = header }
    for name, value in pairs(more or {}) do headers[name] = value end
    return ask(static.new(root), "GET", "/a.txt", headers)
  end

  it("is answered with a part", function()
    local response = part "bytes=2-4"
    assert.are.equal(206, response.status)
    assert.are.equal("234", response.text)
    assert.are.equal("bytes 2-4/10", response.headers["content-range"])
    assert.are.equal("789", part("bytes=-3").text)
  end)

  it("that cannot be satisfied is a 416", function()
    local response = part "bytes=10-"
    assert.are.equal(416, response.status)
    assert.are.equal("bytes */10", response.headers["content-range"])
  end)

  it("that is malformed, or asks for too much, is ignored", function()
    assert.are.equal(200, part("bytes=x").status)
    assert.are.equal(200, part("bytes=0-,0-,0-").status)
    assert.are.equal(200, part("bytes=" .. ("0-0,"):rep(100000)).status)
  end)

  it("holds if the file is what the client has a part of", function()
    local root, _, _ <close> = folder()
    local handler = static.new(root)
    local etag = ask(handler, "GET", "/a.txt").headers.etag
    local function with(condition)
      return ask(handler, "GET", "/a.txt", { range = "bytes=0-1", ["if-range"] = condition }).status
    end
    assert.are.equal(206, with(etag))
    assert.are.equal(200, with("W/" .. etag))
    assert.are.equal(200, with('"x"'))
    assert.are.equal(206, with(date.format(OLD)))
    assert.are.equal(200, with(date.format(OLD + 1)))
    assert.are.equal(200, with("yesterday"))
  end)

  it("of several gives as many parts", function()
    local response = part "bytes=0-1, 5-6,-1"
    assert.are.equal(206, response.status)
    local boundary = response.headers["content-type"]:match("^multipart/byteranges; boundary=(%x+)$")
    assert.is_string(boundary)
    local form = "\r\n--%s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes %s/10\r\n\r\n%s"
    local expected = ""
    for _, one in ipairs { { "0-1", "01" }, { "5-6", "56" }, { "9-9", "9" } } do
      expected = expected .. form:format(boundary, one[1], one[2])
    end
    assert.are.equal(expected .. "\r\n--" .. boundary .. "--\r\n", response.text)
  end)

  it("is for GET only", function()
    local root, _, _ <close> = folder()
    assert.are.equal(200, ask(static.new(root), "HEAD", "/a.txt", { range = "bytes=0-1" }).status)
  end)

  it("of a large file comes in pieces", function()
    local root, _, _ <close> = folder()
    write(root .. "/large", ("0123456789abcdef"):rep(20000))
    local response = ask(static.new(root), "GET", "/large", { range = "bytes=1-200000,300000-310000" })
    assert.are.equal(206, response.status)
    assert.is_true(#response.text > 210000)
  end)
end)

describe("dates", function()
  it("are written in one form and read in three", function()
    assert.are.equal("Sun, 06 Nov 1994 08:49:37 GMT", date.format(784111777))
    for _, text in ipairs {
      "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
    } do
      assert.are.equal(784111777, date.parse(text), text)
    end
    for time = 0, 4102444800, 86400 * 17 + 12345 do
      assert.are.equal(time, date.parse(date.format(time)))
    end
    assert.are.equal(951782400, date.parse "Tue, 29 Feb 2000 00:00:00 GMT")
  end)

  it("are nothing else", function()
    for _, text in ipairs {
      "", "0", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
      "Sun, 46 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT ", "1994-11-06T08:49:37Z",
    } do
      assert.is_nil(date.parse(text), text)
    end
  end)
end)
