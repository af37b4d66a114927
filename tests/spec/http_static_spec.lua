--- http_static_spec.lua: the files of a folder, and nothing else.

local lull = require "lull"
local native = require "lull.http.file.native"
local router = require "lull.http.router"
local static = require "lull.http.static"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_request.lua")
local request, misuse, raises = support.request, support.misuse, support.raises
local ask, folder, sh, write, OLD = support.ask, support.folder, support.sh, support.write, support.OLD

describe("a folder", function()
  it("answers with its files", function()
    local root, _, _ <close> = folder()
    local handler = static.new(root)
    local response = ask(handler, "GET", "/a.txt")
    assert.are.equal(200, response.status)
    assert.are.equal("0123456789", response.text)
    assert.are.equal("text/plain; charset=utf-8", response.headers["content-type"])
    assert.are.equal("bytes", response.headers["accept-ranges"])
    assert.are.equal("Tue, 14 Nov 2023 22:13:20 GMT", response.headers["last-modified"])
    assert.matches('^"[%x.-]+"$', response.headers.etag)
    assert.is_nil(response.headers["cache-control"])
    assert.are.equal("b", ask(handler, "GET", "/sub/b.js").text)
    assert.are.equal("", ask(handler, "GET", "/empty").text)
    assert.are.equal("0123456789", ask(handler, "HEAD", "/a.txt").text)
  end)

  it("answers GET and HEAD only", function()
    local root, _, _ <close> = folder()
    local response = ask(static.new(root), "POST", "/a.txt")
    assert.are.equal(405, response.status)
    assert.are.equal("GET, HEAD", response.headers.allow)
  end)

  it("stands below a prefix of a router", function()
    local root, _, _ <close> = folder()
    local app = router.new():static("/files", root)
    assert.are.equal("b", ask(app, "GET", "/files/sub/b.js").text)
    assert.are.equal("<index>", ask(app, "GET", "/files/").text)
    local response = ask(app, "GET", "/files", nil, { target = "/files?a=b" })
    assert.are.equal(301, response.status)
    assert.are.equal("/files/?a=b", response.headers.location)
    assert.are.equal(404, ask(app, "GET", "/a.txt").status)
    local at_root = router.new():static("/", root)
    assert.are.equal("<index>", ask(at_root, "GET", "/").text)
  end)

  it("has an index, by any name, or none", function()
    local root, _, _ <close> = folder()
    assert.are.equal("<index>", ask(static.new(root), "GET", "/").text)
    assert.are.equal("b", ask(static.new(root, { index = "b.js" }), "GET", "/sub/").text)
    assert.are.equal(404, ask(static.new(root, { index = false }), "GET", "/").status)
    assert.are.equal(404, ask(static.new(root), "GET", "/sub/").status)
  end)

  it("has folders with a slash at the end", function()
    local root, _, _ <close> = folder()
    local response = ask(static.new(root), "GET", "/sub", nil, { target = "/sub?x=1&y" })
    assert.are.equal(301, response.status)
    assert.are.equal("/sub/?x=1&y", response.headers.location)
    assert.are.equal(404, ask(static.new(root), "GET", "/a.txt/").status)
  end)

  it("never redirects to another host or header", function()
    local root, _, _ <close> = folder()
    sh("mkdir '%s/a\r\nX: y'", root)
    local response = ask(static.new(root), "GET", "/a\r\nX: y", nil, { target = "/a%0d%0aX:%20y?\r\nZ: z" })
    assert.are.equal("/a%0D%0AX:%20y/", response.headers.location)
    local redirect = static.redirect(request("GET", "//evil.test/x"))
    assert.are.equal("/evil.test/x/", redirect.headers.location)
  end)

  it("says how long its files may be kept", function()
    local root, _, _ <close> = folder()
    local handler = static.new(root, { max_age = 3600 })
    assert.are.equal("public, max-age=3600", ask(handler, "GET", "/a.txt").headers["cache-control"])
  end)

  it("knows types by extension, and takes others", function()
    local root, _, _ <close> = folder()
    write(root .. "/X.PNG", "")
    write(root .. "/x.own", "")
    local handler = static.new(root, { types = { own = "text/own", js = "text/plain" } })
    local function type_of(path) return ask(handler, "GET", path).headers["content-type"] end
    assert.are.equal("image/png", type_of "/X.PNG")
    assert.are.equal("text/own; charset=utf-8", type_of "/x.own")
    assert.are.equal("text/plain; charset=utf-8", type_of "/sub/b.js")
    assert.are.equal("application/octet-stream", type_of "/empty")
  end)

  it("has to be there", function()
    raises("io", static.new, "/no/such/folder")
    misuse(static.new)
    misuse(static.new, "/tmp", { indx = 1 })
    misuse(static.new, "/tmp", { index = "a/b" })
    misuse(static.new, "/tmp", { index = true })
    local app = router.new()
    misuse(app.static, app, "/x")
  end)
end)

describe("nothing outside", function()
  local function refused(handler, path, message)
    local response = ask(handler, "GET", path)
    assert.are.equal(404, response.status, message or path)
    assert.is_nil(response.text:find("secret", 1, true))
    assert.is_nil(response.text:find("root", 1, true))
  end

  it("is reached by dots, slashes, zeros and backslashes", function()
    local root, outer, _ <close> = folder()
    for _, opts in ipairs { {}, { dotfiles = true } } do
      local handler = static.new(root, opts)
      for _, path in ipairs {
        "/../secret", "/sub/../../secret", "/./../secret", "//../secret", "/../root/../secret",
        "/..%2fsecret", "/%2e%2e/secret", "/..\\secret", "\\..\\secret", "/sub/../a.txt", "/./a.txt",
        "//a.txt", "/sub//b.js", "/a.txt\0", "/a.txt\0.html", "/\0", "/..", "/.", "/...", "/.../x", "..",
        "../secret", "/" .. outer .. "/secret", "/" .. ("../"):rep(20) .. "etc/passwd", "/sub/..",
        "/" .. ("a/"):rep(3000), "/" .. ("a"):rep(5000), "/" .. ("a"):rep(300), "/nosuch", "/a.txt/x",
        "/~root", "/file:///etc/passwd", "*", "", "a.txt",
      } do
        refused(handler, path)
      end
    end
  end)

  it("is reached by a wildcard that begins with a slash", function()
    local root, outer, _ <close> = folder()
    local app = router.new():static("/", root)
    refused(app, "/" .. outer .. "/secret")
    refused(app, "//a.txt")
  end)

  it("is reached by symbolic links, but links that stay below work", function()
    local root, outer, _ <close> = folder()
    sh("cd %s; ln -s ../secret out1; ln -s %s/secret out2; ln -s .. up; ln -s /etc etc", root, outer)
    sh("cd %s; ln -s a.txt in; ln -s sub dir; ln -s loop loop; ln -s ../a.txt sub/in", root)
    local handler = static.new(root)
    for _, path in ipairs { "/out1", "/out2", "/up/secret", "/etc/passwd", "/loop" } do
      refused(handler, path)
    end
    assert.are.equal("0123456789", ask(handler, "GET", "/in").text)
    assert.are.equal("0123456789", ask(handler, "GET", "/sub/in").text)
    assert.are.equal("b", ask(handler, "GET", "/dir/b.js").text)
  end)

  it("is reached through /proc", function()
    local self_files = static.new "/proc/self"
    for _, path in ipairs { "/root/etc/passwd", "/cwd/README.md", "/exe", "/fd/0" } do
      refused(self_files, path)
    end
  end)

  it("hidden is shown, unless asked for", function()
    local root, _, _ <close> = folder()
    local handler = static.new(root)
    for _, path in ipairs { "/.env", "/.hidden/x", "/.hidden/", "/.hidden" } do refused(handler, path) end
    local open = static.new(root, { dotfiles = true })
    assert.are.equal("hidden", ask(open, "GET", "/.env").text)
    assert.are.equal("hidden", ask(open, "GET", "/.hidden/x").text)
  end)

  it("but regular files is sent", function()
    local root, _, _ <close> = folder()
    sh("mkfifo %s/fifo; ln -s /dev/zero %s/zero", root, root)
    local handler = static.new(root)
    refused(handler, "/fifo")
    refused(handler, "/zero")
    refused(static.new "/dev", "/null")
  end)

  it("unreadable is sent", function()
    local root, _, _ <close> = folder()
    sh("chmod 000 %s/a.txt", root)
    local response = static.new(root)(request("GET", "/a.txt"))
    if response.status ~= 200 then return assert.are.equal(403, response.status) end
    response.file.handle:close()
    -- Root may read everything, unless that is taken from him.
    local code = ([[
      local static = require "lull.http.static"
      print(static.new(%q) { method = "GET", path = "/a.txt", headers = {} }.status)]]):format(root)
    local output = support.program(code, "setpriv --bounding-set=-dac_override,-dac_read_search")
    assert.are.equal("403\n", output)
  end)
end)

describe("the folder of a handler", function()
  it("stays the one it was, whatever gets its name", function()
    local root, outer, _ <close> = folder()
    local handler = static.new(root)
    sh("mv %s %s/moved; mkdir %s; echo other > %s/a.txt", root, outer, root, root)
    assert.are.equal("0123456789", ask(handler, "GET", "/a.txt").text)
  end)
end)

describe("compressed variants", function()
  local function with_variants()
    local root, _, closing = folder()
    write(root .. "/a.txt.gz", "gzipped")
    write(root .. "/a.txt.br", "brotli")
    return root, closing
  end

  local function encoded(handler, header)
    local response = ask(handler, "GET", "/a.txt", { ["accept-encoding"] = header })
    return response.headers["content-encoding"], response
  end

  it("are sent to who takes them", function()
    local root, _ <close> = with_variants()
    local handler = static.new(root, { precompressed = true })
    local encoding, response = encoded(handler, "gzip, br")
    assert.are.equal("br", encoding)
    assert.are.equal("brotli", response.text)
    assert.are.equal("text/plain; charset=utf-8", response.headers["content-type"])
    assert.are.equal("accept-encoding", response.headers.vary)
    assert.are.equal("gzip", (encoded(handler, "gzip")))
    assert.are.equal("gzip", (encoded(handler, "br;q=0.5, gzip;q=0.9")))
    assert.is_nil((encoded(handler, "br;q=0, gzip;q=0")))
    assert.is_nil((encoded(handler, nil)))
    assert.are.equal("accept-encoding", ask(handler, "GET", "/a.txt").headers.vary)
    assert.is_nil(ask(handler, "GET", "/empty").headers.vary)
  end)

  it("have entity tags of their own", function()
    local root, _ <close> = with_variants()
    local handler = static.new(root, { precompressed = true })
    local _, br = encoded(handler, "br")
    local _, plain = encoded(handler)
    assert.are_not.equal(br.headers.etag, plain.headers.etag)
    local again = ask(handler, "GET", "/a.txt", {
      ["accept-encoding"] = "br", ["if-none-match"] = br.headers.etag,
    })
    assert.are.equal(304, again.status)
    assert.are.equal("accept-encoding", again.headers.vary)
  end)

  it("are left alone when they are older, or not asked for", function()
    local root, _ <close> = with_variants()
    assert.is_nil((encoded(static.new(root), "br")))
    sh("touch -d @%d %s/a.txt", OLD + 10, root)
    assert.is_nil((encoded(static.new(root, { precompressed = true }), "br")))
  end)
end)

describe("a listing", function()
  it("shows names as text and links", function()
    local root, _, _ <close> = folder()
    sh("mkdir %s/list; cd %s/list; mkdir z; touch 'a<b>&\"c' 'javascript:x' .env é", root, root)
    local handler = static.new(root, { listing = true })
    local response = ask(handler, "GET", "/list/")
    assert.are.equal(200, response.status)
    local links = {}
    for link in response.text:gmatch('<a href="([^"]*)"') do links[#links + 1] = link end
    assert.are.same({ "../", "./z/", "./a%3Cb%3E%26%22c", "./javascript%3Ax", "./%C3%A9" }, links)
    assert.is_nil(response.text:find("<b>", 1, true))
    assert.is_nil(response.text:find(".env", 1, true))
    assert.are.equal("<index>", ask(handler, "GET", "/").text)
    assert.are.equal(404, ask(handler, "GET", "/nosuch/").status)
    assert.are.equal(404, ask(handler, "GET", "/a.txt/").status)
  end)

  it("does not lead outside", function()
    local root, _, _ <close> = folder()
    sh("ln -s .. %s/up", root)
    assert.are.equal(404, ask(static.new(root, { listing = true }), "GET", "/up/").status)
  end)
end)

describe("open files", function()
  it("are believed for a second", function()
    local root, _, _ <close> = folder()
    require("lull.testing").virtual_time(function()
      local handler = static.new(root)
      assert.are.equal("0123456789", ask(handler, "GET", "/a.txt").text)
      write(root .. "/new", "new")
      os.rename(root .. "/new", root .. "/a.txt")
      assert.are.equal("0123456789", ask(handler, "GET", "/a.txt").text)
      lull.sleep(1.1)
      assert.are.equal("new", ask(handler, "GET", "/a.txt").text)
      os.remove(root .. "/a.txt")
      lull.sleep(1.1)
      assert.are.equal(404, ask(handler, "GET", "/a.txt").status)
    end)
  end)

  it("are bounded, and stay open for who sends them", function()
    local root, _, _ <close> = folder()
    for i = 1, 40 do write(root .. "/f" .. i, "file " .. i) end
    local core = require "lull.core"
    for _, cache in ipairs { 0, 1, 8 } do
      local handler = static.new(root, { cache = cache })
      local first = handler(request("GET", "/f1"))
      local before = core.handles()
      for round = 1, 2 do
        for i = 1, 40 do
          assert.are.equal("file " .. i, ask(handler, "GET", "/f" .. i).text, round)
        end
      end
      assert.is_true(core.handles() <= before + cache, core.handles() - before)
      assert.are.equal("file 1", first.file.handle:read(0, 100))
      first.file.handle:close()
    end
  end)

  it("are closed when all is over", function()
    local root, _, _ <close> = folder()
    local core = require "lull.core"
    collectgarbage()
    collectgarbage()
    local before = core.handles()
    do
      local handler = static.new(root, { precompressed = true })
      ask(handler, "GET", "/a.txt")
      ask(handler, "GET", "/", { ["if-none-match"] = "*" })
    end
    collectgarbage()
    collectgarbage()
    assert.are.equal(before, core.handles())
  end)
end)

describe("a file's handle", function()
  it("gives bytes from anywhere, and nil at the end", function()
    local root, _, _ <close> = folder()
    local dir = native.folder(root)
    local file = dir:open "a.txt"
    assert.are.equal("234", file:read(2, 3))
    assert.are.equal("89", file:read(8, 100))
    assert.is_nil(file:read(10, 1))
    misuse(file.read, file, -1, 1)
    misuse(file.read, file, 0, 0)
    file:close()
    dir:close()
  end)

  it("is closed by the last of those who have it", function()
    local root, _, _ <close> = folder()
    local dir = native.folder(root)
    local file = dir:open "a.txt"
    file:retain():close()
    assert.is_number(file:fd())
    file:close()
    file:close()
    raises("closed", file.fd, file)
    raises("closed", file.read, file, 0, 1)
    raises("closed", file.retain, file)
    dir:close()
    dir:close()
    raises("closed", dir.open, dir, "a.txt")
  end)

  it("can be cancelled", function()
    local root, _, _ <close> = folder()
    local dir = native.folder(root)
    support.cancelled_before(dir.open, dir, "a.txt")
    local file = dir:open "a.txt"
    support.cancelled_before(file.read, file, 0, 1)
    file:close()
    dir:close()
  end)
end)
