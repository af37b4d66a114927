--- serve_spec.lua: `lull serve` and its command line.

local lull = require "lull"
local net = require "lull.net"
local serve = require "lull.serve"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_request.lua")

local function program(arguments)
  local lull_path = os.getenv "LULL" or (os.getenv "LULL_BUILD" or "build") .. "/lull"
  local pipe = assert(io.popen(("timeout 50 '%s' serve %s 2>&1"):format(lull_path, arguments)))
  local output = pipe:read "a"
  local _, how, code = pipe:close()
  return output, how == "exit" and code
end

--- The response to a request, all of it.
local function get(port, target)
  local stream <close> = net.connect("127.0.0.1", port)
  stream:write("GET ", target, " HTTP/1.1\r\nHost: x\r\nOrigin: http://a\r\nConnection: close\r\n\r\n")
  return stream:read "a"
end

describe("the command line of lull serve", function()
  it("is read", function()
    assert.are.same({
      folder = "dir", host = "*", port = 80, index = "a=b", listing = true, log = true, max_age = 60,
      tls_cert = "c", tls_key = "k",
    }, serve.read("--host", "*", "--port=80", "--index=a=b", "dir", "--listing", "--log", "--max-age", "60",
      "--tls-cert", "c", "--tls-key=k"))
    assert.are.same({ log = "json" }, serve.read "--log=json")
    assert.are.same({ folder = "--log" }, serve.read("--", "--log"))
    assert.are.same({}, serve.read())
  end)

  it("is refused when it makes no sense", function()
    for _, arguments in ipairs {
      { "--prot=80" }, { "--port" }, { "--port=x" }, { "--port=-1" }, { "--port=70000" }, { "--listing=no" },
      { "a", "b" }, { "--tls-cert=c" }, { "--log=short" }, { "-x" },
    } do
      local options, why = serve.read(table.unpack(arguments))
      assert.is_nil(options, arguments[1])
      assert.is_string(why)
    end
  end)
end)

describe("lull serve", function()
  it("serves a folder", function()
    local root, _, _ <close> = support.folder()
    local server <close> = serve.start { folder = root, port = 0, cors = true, listing = true, max_age = 9 }
    local text = get(server.port, "/a.txt")
    assert.matches("^HTTP/1.1 200 ", text)
    assert.matches("\r\naccess%-control%-allow%-origin: %*\r\n", text:lower())
    assert.matches("\r\ncache%-control: public, max%-age=9\r\n", text:lower())
    assert.matches("\r\n\r\n0123456789$", text)
    assert.matches("<index>$", get(server.port, "/"))
    assert.matches('href="./b.js"', get(server.port, "/sub/"))
    assert.matches("^HTTP/1.1 404 ", get(server.port, "/../secret"))
  end)

  it("says how it is used, and what is wrong", function()
    local output, code = program "--help"
    assert.matches("usage: lull serve", output)
    assert.are.equal(0, code)
    output, code = program "--no-such"
    assert.are.equal("lull serve: unrecognized option '--no-such'; 'lull serve --help' lists the options\n", output)
    assert.are.equal(1, code)
    output, code = program "--listng"
    assert.are.equal("lull serve: unrecognized option '--listng'; did you mean '--listing'?\n", output)
    assert.are.equal(1, code)
    output, code = program "--port=0 /no/such/folder"
    assert.matches("lull serve: .*/no/such/folder", output)
    assert.are.equal(1, code)
  end)

  it("is a program until it is told to end", function()
    local root, _, _ <close> = support.folder()
    local lull_path = os.getenv "LULL" or (os.getenv "LULL_BUILD" or "build") .. "/lull"
    local log = os.tmpname()
    local pipe = assert(io.popen(("timeout -s INT 1 '%s' serve --port=0 --log '%s' 2>%s; echo $?")
      :format(lull_path, root, log)))
    local port = tonumber(pipe:read "L":match "http://127.0.0.1:(%d+)/")
    assert.matches("0123456789$", get(port, "/a.txt"))
    lull.yield()
    assert.are.equal("124", pipe:read "l") -- timeout's way to say that it ended
    pipe:close()
    local file = assert(io.open(log))
    assert.matches('"GET /a.txt HTTP/1.1" 200 10', file:read "a")
    file:close()
    os.remove(log)
  end)
end)
