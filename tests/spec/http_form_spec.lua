--- http_form_spec.lua: queries, forms and their parts, well-formed and not.

local form = require "lull.http.form"
local lull = require "lull"
local params = require "lull.http.params"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_request.lua")
local URLENCODED <const> = "application/x-www-form-urlencoded"
local request, raises, misuse = support.request, support.raises, support.misuse

--- Expect that a call is refused with this status.
local function refuses(status, fn, ...)
  local e = raises("http", fn, ...)
  assert.are.equal(status, e.status, e.message)
  return e
end

--- A request with a multipart body; CR LF for each newline of the text.
local function multipart(text, fields)
  local all = { headers = { ["content-type"] = "multipart/form-data; boundary=B" } }
  all.body = text:gsub("\n", "\r\n")
  for key, value in pairs(fields or {}) do all[key] = value end
  return request("POST", "/", all)
end

--- A request with this type and no body.
local function of_type(text)
  return request("POST", "/", { headers = { ["content-type"] = text } })
end

--- The body cut into pieces of n bytes.
local function pieces(text, n)
  local list = {}
  if not text:find "\r" then text = text:gsub("\n", "\r\n") end
  for i = 1, #text, n do list[#list + 1] = text:sub(i, i + n - 1) end
  return list
end

local TWO <const> = [[
--B
Content-Disposition: form-data; name="a"

one
--B
Content-Disposition: form-data; name="f"; filename="x.txt"
Content-Type: text/plain

line

--B--
]]

--- name=content of each part.
local function contents(req, opts)
  local got = {}
  for part in form.parts(req, opts) do got[#got + 1] = part.name .. "=" .. part:read() end
  return got
end

describe("a query", function()
  it("gives the first value of each name", function()
    assert.are.same({ a = "1", b = "x y", c = "", ["d e"] = "é=&" },
      form.decode "a=1&b=x+y&c&d%20e=%c3%A9%3D%26&a=2")
    assert.are.same({}, form.decode "")
    assert.are.same({ [""] = "" }, form.decode "&&=&&")
  end)

  it("gives all values of each name", function()
    assert.are.same({ a = { "1", "", "2" }, b = { "3" } }, form.decode_all "a=1&a&b=3&a=2")
  end)

  it("keeps percent signs that begin nothing", function()
    assert.are.same({ a = "100%", b = "%zz%4", c = "%41" }, form.decode "a=100%&b=%zz%4&c=%2541")
  end)

  it("takes every byte", function()
    local text = {}
    for i = 0, 255 do text[#text + 1] = ("%%%02x"):format(i) end
    local decoded = form.decode("x=" .. table.concat(text)).x
    assert.are.equal(256, #decoded)
    for i = 0, 255 do assert.are.equal(i, decoded:byte(i + 1)) end
  end)

  it("has a limit of fields", function()
    refuses(413, form.decode, ("a&"):rep(1001))
    refuses(413, form.decode_all, "a&b&c", 2)
    assert.are.same({ a = "", b = "" }, form.decode("a&b", 2))
    misuse(form.decode, "a", 0)
    misuse(form.decode)
  end)

  it("is encoded as it is decoded", function()
    assert.are.equal("a=1&b+c=%26%3D+%25%0D%0A&l=1&l=2",
      form.encode { ["b c"] = "&= %\r\n", a = 1, l = { 1, "2" } })
  end)
end)

describe("a header with parameters", function()
  it("is read in its forms", function()
    local value, parameters = params.read('Form-Data; NAME="a b" ; x=y;z="q\\"\\\\q"; path="C:\\d\\e"')
    assert.are.equal("form-data", value)
    assert.are.same({ name = "a b", x = "y", z = 'q"\\q', path = "C:\\d\\e" }, parameters)
    assert.are.equal("text/html", (params.read " text/html ; "))
  end)

  it("is refused when it could be read in two ways", function()
    for _, text in ipairs {
      "", ";", "a; b", 'a; b="', 'a; b="c', "a; b=c; B=d", "a b; c=d", 'a; b="c"d', "a; =b", 'a; b="\\',
      'a; b=c"d', "a, b",
    } do
      assert.is_nil(params.read(text), text)
    end
  end)
end)

describe("a form", function()
  it("of fields is read whole", function()
    local req = request("POST", "/", {
      headers = { ["content-type"] = URLENCODED .. "; charset=UTF-8" }, body = "a=1&a=2&b=%26",
    })
    local first, all = form.read(req)
    assert.are.same({ a = "1", b = "&" }, first)
    assert.are.same({ a = { "1", "2" }, b = { "&" } }, all)
  end)

  it("with files is read whole", function()
    local first, all = form.read(multipart(TWO))
    local file = { filename = "x.txt", content_type = "text/plain", body = "line\r\n" }
    assert.are.same({ a = "one", f = file }, first)
    assert.are.same({ a = { "one" }, f = { file } }, all)
  end)

  it("leaves out files that were not chosen", function()
    assert.are.same({}, (form.read(multipart [[
--B
Content-Disposition: form-data; name="f"; filename=""
Content-Type: application/octet-stream


--B--
]])))
  end)

  it("of another type is a 415, of none, too; of a malformed one a 400", function()
    refuses(415, form.read, of_type "application/json")
    refuses(415, form.read, request("POST", "/"))
    refuses(415, form.parts, of_type "multipart/mixed; boundary=B")
    refuses(400, form.read, of_type "multipart/form-data; boundary=")
  end)

  it("above max_body is a 413", function()
    local req = request("POST", "/", {
      headers = { ["content-type"] = URLENCODED }, body = "a=12345",
    })
    refuses(413, form.read, req, { max_body = 6 })
    local whole = multipart(TWO)
    refuses(413, form.read, multipart(TWO), { max_body = #whole:body() - 1 })
    assert.are.equal("one", form.read(whole, { max_body = #whole:body() }).a)
    refuses(413, form.read, multipart(TWO, { max_body = 8 }))
  end)

  it("above max_body is a 413 by the names of its parts, too", function()
    local part = ("--B\nContent-Disposition: form-data; name=%q\n\n\n"):format(("n"):rep(1000))
    refuses(413, form.read, multipart(part:rep(20) .. "--B--\n"), { max_body = 10000 })
  end)

  it("has known options only", function()
    misuse(form.read, multipart(TWO), { max = 1 })
    misuse(form.parts, multipart(TWO), { max_fields = "1" })
  end)
end)

describe("parts", function()
  it("come with name, file name, type and headers", function()
    local parts = {}
    for part in form.parts(multipart(TWO)) do parts[#parts + 1] = part end
    assert.are.equal("a", parts[1].name)
    assert.is_nil(parts[1].filename)
    assert.are.equal("text/plain", parts[1].content_type)
    assert.are.equal("x.txt", parts[2].filename)
    assert.are.same({
      ["content-disposition"] = 'form-data; name="f"; filename="x.txt"', ["content-type"] = "text/plain",
    }, parts[2].headers)
  end)

  it("are the same however the body is cut", function()
    for n = 1, 40 do
      assert.are.same({ "a=one", "f=line\r\n" }, contents(multipart("", { pieces = pieces(TWO, n) })), n)
    end
  end)

  it("hold what looks like the beginning of a delimiter", function()
    local text = "\r\n--\r\n-B\r\n--b\r\n\r\n--A-\r"
    local body = '--B\r\nContent-Disposition: form-data; name=a\r\n\r\n' .. text .. "\r\n--B--"
    for n = 1, 20 do
      assert.are.same({ "a=" .. text }, contents(multipart("", { pieces = pieces(body, n) })), n)
    end
  end)

  it("may be empty, and have no end of line after the last", function()
    assert.are.same({ "a=", "b=" }, contents(multipart [[
--B
Content-Disposition: form-data; name="a"


--B
Content-Disposition: form-data; name="b"


--B--]]))
  end)

  it("may be none", function()
    assert.are.same({}, contents(multipart "--B--"))
    assert.are.same({}, contents(multipart "--B--\nepilogue"))
  end)

  it("follow a preamble, and blanks after their delimiter", function()
    local text = "this is for nobody\n" .. TWO:gsub("\n", " \t\n", 1)
    assert.are.same({ "a=one", "f=line\r\n" }, contents(multipart(text)))
  end)

  it("are skipped unread, and are over then", function()
    local got, kept = {}, nil
    for part in form.parts(multipart(TWO, { pieces = pieces(TWO, 3) })) do
      if kept then raises("usage", kept.read_some, kept) end
      kept = kept or part
      got[#got + 1] = part.name
    end
    assert.are.same({ "a", "f" }, got)
    assert.is_nil(kept.read_some(setmetatable({}, getmetatable(kept))))
  end)

  it("give their content as it comes", function()
    local req = multipart("", { pieces = {
      '--B\r\nContent-Disposition: form-data; name=a\r\n\r\nfirst', " second", " third\r\n--B--",
    } })
    local part = form.parts(req)()
    local got = {}
    for piece in part.read_some, part do got[#got + 1] = piece end
    assert.are.equal("first second third", table.concat(got))
    assert.is_true(#got >= 3)
    assert.is_nil(part:read_some())
    assert.are.equal("", part:read())
  end)

  it("can be large, in little memory", function()
    local left, block = 400, ("x\r\n-"):rep(16384)
    local req = multipart ""
    local head = '--B\r\nContent-Disposition: form-data; name=a\r\n\r\n'
    function req:read_some()
      left = left - 1
      if left == 399 then return head end
      if left == 0 then return "\r\n--B--" end
      return left > 0 and block or nil
    end
    local part, size, most = form.parts(req)(), 0, 0
    collectgarbage()
    local before = collectgarbage "count" -- other specs leave their own
    for piece in part.read_some, part do
      size = size + #piece
      if left % 20 == 0 then
        collectgarbage()
        most = math.max(most, collectgarbage "count" - before)
      end
    end
    assert.are.equal(398 * #block, size)
    assert.is_true(most < 20 * 1024, most .. " KiB")
  end)

  it("have file names without folders", function()
    for given, name in pairs {
      ["../../etc/passwd"] = "passwd", ["C:\\dir\\x.txt"] = "x.txt", ["a/"] = "", ["é.txt"] = "é.txt",
      ['a\\"b'] = 'a"b',
    } do
      local text = '--B\nContent-Disposition: form-data; name=a; filename="%s"\n\nx\n--B--'
      assert.are.equal(name, form.parts(multipart(text:format(given)))().filename)
    end
  end)

  it("that go on after a deadline lose nothing", function()
    local req = multipart ""
    local list, at = pieces(TWO, 7), 0
    function req:read_some()
      at = at + 1
      if at % 2 == 1 then lull.sleep(10) end
      return table.remove(list, 1)
    end
    local next_part = form.parts(req)
    local got, done = {}, false
    require("lull.testing").virtual_time(function()
      repeat
        local in_time, part = lull.move_on_after(5, next_part)
        if in_time then
          done = part == nil
          got[#got + 1] = part and part.name
        end
      until done
    end)
    assert.are.same({ "a", "f" }, got)
  end)
end)

describe("the header of a part", function()
  it("is read in linear time", function()
    local blanks = ("\t"):rep(200000)
    local text = "--B\nContent-Disposition: form-data; name=a\nX: x" .. blanks .. "x\n\n1\n--B--"
    local part = form.parts(multipart(text), { max_header = 300000 })()
    assert.are.equal(200002, #part.headers.x)
  end)
end)

describe("a malformed body", function()
  local function refused(text, status)
    return refuses(status or 400, contents, multipart(text))
  end

  it("that is cut off anywhere is a 400", function()
    local whole = TWO:gsub("\n", "\r\n"):sub(1, -3) -- up to the last --
    for n = 0, #whole - 1 do
      local req = multipart("", { pieces = n > 0 and { whole:sub(1, n) } or {} })
      refuses(400, contents, req)
    end
  end)

  it("has a delimiter with something behind it", function()
    refused "--B x\nContent-Disposition: form-data; name=a\n\n1\n--B--"
    refused "--Bx\nContent-Disposition: form-data; name=a\n\n1\n--B--"
    refused "--B -- \n"
    refused("--B" .. (" "):rep(20000) .. "\nContent-Disposition: form-data; name=a\n\n1\n--B--")
  end)

  it("has line ends that are none", function()
    for _, text in ipairs {
      "--B\nContent-Disposition: form-data; name=a\n\n1\n--B--\n",
      "--B\r\nContent-Disposition: form-data; name=a\n\n1\r\n--B--\r\n",
      "--B\r\nContent-Disposition: form-data; name=a\r\n\r\n1\n--B--\r\n",
      "--B\r\nContent-Disposition: form-data; name=a\nX: y\r\n\r\n1\r\n--B--\r\n",
      "--B\r\nContent-Disposition: form-data; name=a\rX: y\r\n\r\n1\r\n--B--\r\n",
    } do
      refuses(400, contents, multipart("", { pieces = { text } }))
    end
  end)

  it("has parts without a name, or with two", function()
    refused "--B\nContent-Type: text/plain\n\n1\n--B--"
    refused "--B\n\n1\n--B--"
    refused "--B\nContent-Disposition: form-data\n\n1\n--B--"
    refused "--B\nContent-Disposition: attachment; name=a\n\n1\n--B--"
    refused "--B\nContent-Disposition: form-data; name=a; name=b\n\n1\n--B--"
    refused "--B\nContent-Disposition: form-data; name=a\nContent-Disposition: form-data; name=b\n\n1\n--B--"
  end)

  it("has headers that are none", function()
    refused "--B\nContent-Disposition: form-data;\n name=a\n\n1\n--B--"
    refused "--B\nContent-Disposition: form-data; name=a\nX\n\n1\n--B--"
    refused "--B\nContent-Disposition: form-data; name=a\nX : y\n\n1\n--B--"
    refused "--B\nContent-Disposition: form-data; name=a\nX: \0\n\n1\n--B--"
    refused "--B\nContent-Disposition: form-data; name=a\nContent-Transfer-Encoding: base64\n\n1\n--B--"
  end)

  it("has too large a header, or too many parts", function()
    refused("--B\nContent-Disposition: form-data; name=a\nX: " .. ("x"):rep(16384) .. "\n\n1\n--B--", 413)
    local part = "--B\nContent-Disposition: form-data; name=a\n\n1\n"
    refused(part:rep(1001) .. "--B--", 413)
    assert.are.equal(1000, #contents(multipart(part:rep(1000) .. "--B--")))
    refuses(413, contents, multipart(TWO), { max_fields = 1 })
    refuses(413, contents, multipart(TWO), { max_header = 20 })
  end)

  it("does not begin with its boundary", function()
    refused(("x"):rep(20000) .. "\n--B--")
    refused "--C\nContent-Disposition: form-data; name=a\n\n1\n--C--"
  end)

  it("has a boundary that is none", function()
    for _, boundary in ipairs { '""', ("x"):rep(71), '"a\tb"', '"a "', "a*b", '"a[b"' } do
      refuses(400, form.parts, of_type("multipart/form-data; boundary=" .. boundary))
    end
    refuses(400, form.parts, of_type "multipart/form-data")
  end)

  it("stays refused when it is asked again", function()
    local next_part = form.parts(multipart "--B x\nContent-Disposition: form-data; name=a\n\n1\n--B--")
    refuses(400, next_part)
    refuses(400, next_part)
  end)
end)
