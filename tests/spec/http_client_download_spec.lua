--- http_client_download_spec.lua: files, fetched whole, resumed, or not at all.

local http = require "lull.http"
local lull = require "lull"
local process = require "lull.process"
local support = dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "support_http.lua")
local raises = support.raises

local CONTENT <const> = ("0123456789"):rep(50000)

--- The names in a directory.
local function names(dir)
  local list = {}
  for name in support.output_of("ls -A " .. dir.path):gmatch("[^\n]+") do list[#list + 1] = name end
  return list
end

--- A server of CONTENT that knows ranges.  opts: `tag`, `cut` (break off after so many bytes, once),
--- `plain` (it knows no ranges), `forsaken` (clients may go before they have all).
local function serving(opts)
  local peer
  local function answer(stream)
    for first, fields in support.read_head, stream do
      peer.asked[#peer.asked + 1] = fields
      assert(first:find("^GET "))
      local content = opts.content or CONTENT
      local tag = opts.tag and ("ETag: %s\r\n"):format(opts.tag) or ""
      local from = tonumber((fields.range or ""):match("^bytes=(%d+)%-$"))
      local matches = fields["if-range"] == nil or fields["if-range"] == opts.tag
      if from and matches and not opts.plain then
        if from >= #content then
          stream:write(("HTTP/1.1 416 No\r\nContent-Range: bytes */%d\r\nContent-Length: 0\r\n\r\n"):format(#content))
        else
          stream:write(("HTTP/1.1 206 Part\r\n%sContent-Range: bytes %d-%d/%d\r\nContent-Length: %d\r\n\r\n"):format(
            tag, from, #content - 1, #content, #content - from), content:sub(from + 1))
        end
      else
        stream:write(("HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n"):format(tag, #content))
        if opts.cut then
          stream:write(content:sub(1, opts.cut))
          opts.cut = nil
          return
        end
        stream:write(content)
      end
    end
  end
  peer = support.raw(function(stream)
    local ok, e = pcall(answer, stream)
    if not ok and not (opts.forsaken and lull.is_error(e, "io")) then error(e, 0) end
  end)
  peer.asked = {}
  return peer
end

describe("a download", function()
  it("is a file when it is complete, and nothing else is there", function()
    local dir <close> = support.temp_dir()
    local peer <close> = serving {}
    local path = dir.path .. "/file"
    local res = http.download(peer.url, path)
    assert.are.equal(200, res.status)
    assert.are.equal(CONTENT, support.read_file(path))
    assert.are.same({ "file" }, names(dir))
    assert.are.equal("identity", peer.asked[1]["accept-encoding"])
  end)

  it("replaces what was there only when it is complete", function()
    local dir <close> = support.temp_dir()
    local path = support.write_file(dir.path .. "/file", "old")
    local opts = { cut = 1000 }
    local peer <close> = serving(opts)
    raises("io", http.download, peer.url, path)
    assert.are.equal("old", support.read_file(path))
    assert.are.same({ "file" }, names(dir))
    http.download(peer.url, path)
    assert.are.equal(CONTENT, support.read_file(path))
  end)

  it("of what is not there raises http and leaves nothing", function()
    local dir <close> = support.temp_dir()
    local peer <close> = support.raw(support.answering(function() return support.response("404 Not Found", "no") end))
    local e = raises("http", http.download, peer.url, dir.path .. "/file")
    assert.are.equal(404, e.status)
    assert.are.same({}, names(dir))
  end)

  it("into a place that is not there raises io", function()
    local peer <close> = serving { forsaken = true }
    local e = raises("io", http.download, peer.url, "/nowhere/file")
    assert.are.equal("http.download", e.op)
    assert.are.equal("ENOENT", e.code)
    assert.matches("^/nowhere/file%.%x+%.part$", e.path)
    assert.are.equal(e.path .. ": No such file or directory", e.message)
  end)

  it("onto a full device says so", function()
    local dir <close> = support.temp_dir()
    local part = dir.path .. "/file.part"
    local peer <close> = serving { tag = '"1"', forsaken = true }
    support.output_of(("ln -s /dev/full '%s'"):format(part))
    local e = raises("io", http.download, peer.url, dir.path .. "/file", { resume = true })
    assert.are.same({ "http.download", "ENOSPC", part }, { e.op, e.code, e.path })
    assert.are.equal(part .. ": No space left on device", e.message)
    support.output_of(("rm '%s.from'; mkdir '%s.from'"):format(part, part)) -- where it notes what it resumes
    e = raises("io", http.download, peer.url, dir.path .. "/file", { resume = true })
    assert.are.same({ "http.download", "EISDIR", part .. ".from" }, { e.op, e.code, e.path })
    support.output_of(("rm '%s'; rmdir '%s.from'; ln -s /dev/full '%s.from'"):format(part, part, part))
    e = raises("io", http.download, peer.url, dir.path .. "/file", { resume = true })
    assert.are.same({ "http.download", "ENOSPC", part .. ".from" }, { e.op, e.code, e.path })
  end)

  it("onto a folder says which", function()
    local dir <close> = support.temp_dir()
    local peer <close> = serving {}
    local folder = dir.path .. "/folder"
    support.output_of("mkdir " .. folder)
    local e = raises("io", http.download, peer.url, folder)
    assert.are.same({ "http.download", "EISDIR", folder }, { e.op, e.code, e.path })
    assert.are.equal(folder .. ": Is a directory", e.message)
    assert.are.same({ "folder" }, names(dir))
  end)

  it("that is cancelled leaves nothing", function()
    local dir <close> = support.temp_dir()
    local peer <close> = support.raw(function(stream)
      support.read_head(stream)
      stream:write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
      stream:read("a")
    end)
    local started = lull.future()
    local task = support.go(http.download, peer.url, dir.path .. "/file", {
      progress = function(done)
        if done > 0 then started:set() end
      end,
    })
    started:await()
    task:cancel()
    support.ends("cancelled", task)
    assert.are.same({}, names(dir))
  end)

  it("tells how far it is", function()
    local dir <close> = support.temp_dir()
    local peer <close> = serving {}
    local seen = {}
    http.download(peer.url, dir.path .. "/file", {
      progress = function(done, total)
        seen[#seen + 1] = done
        assert.are.equal(#CONTENT, total)
      end,
    })
    assert.are.equal(0, seen[1])
    assert.are.equal(#CONTENT, seen[#seen])
    for i = 2, #seen do assert.is_true(seen[i] > seen[i - 1]) end
  end)

  it("takes the options of a request, and no others", function()
    local dir <close> = support.temp_dir()
    local peer <close> = serving {}
    http.download(peer.url, dir.path .. "/file", { headers = { ["X-Mine"] = "1" }, auth = { bearer = "t" } })
    assert.are.equal("1", peer.asked[1]["x-mine"])
    assert.are.equal("Bearer t", peer.asked[1]["authorization"])
    support.misuse(http.download, peer.url, dir.path .. "/x", { often = true })
    support.misuse(http.download, peer.url, dir.path .. "/x", { progress = 1 })
    support.misuse(http.download, peer.url)
    support.misuse(http.download, peer.url, "")
    support.misuse(http.download, nil, "x")
  end)
end)

describe("a download that is resumed", function()
  --- Break off, then try again; returns the server and what there is.
  local function broken(opts)
    local dir = support.temp_dir()
    local peer = serving(opts)
    opts.cut = 1000
    raises("io", http.download, peer.url, dir.path .. "/file", { resume = true })
    return peer, dir, dir.path .. "/file"
  end

  it("asks for the rest, if it is still the same", function()
    local peer <close>, dir, path = broken { tag = '"one"' }
    local _ <close> = dir
    assert.are.equal(CONTENT:sub(1, 1000), support.read_file(path .. ".part"))
    local first
    local res = http.download(peer.url, path, { resume = true, progress = function(done)
      first = first or done
    end })
    assert.are.equal(206, res.status)
    assert.are.equal(1000, first)
    assert.are.equal("bytes=1000-", peer.asked[2].range)
    assert.are.equal('"one"', peer.asked[2]["if-range"])
    assert.are.equal(CONTENT, support.read_file(path))
    assert.are.same({ "file" }, names(dir))
  end)

  it("begins anew when it has changed", function()
    local opts = { tag = '"one"' }
    local peer <close>, dir, path = broken(opts)
    local _ <close> = dir
    opts.tag, opts.content = '"two"', "short and new"
    assert.are.equal(200, http.download(peer.url, path, { resume = true }).status)
    assert.are.equal("short and new", support.read_file(path))
    assert.are.same({ "file" }, names(dir))
  end)

  it("begins anew when the server knows no ranges, or does not say what it is", function()
    for _, opts in ipairs { { tag = '"one"', plain = true }, {}, { tag = 'W/"weak"' } } do
      local peer <close>, dir, path = broken(opts)
      local _ <close> = dir
      http.download(peer.url, path, { resume = true })
      assert.are.equal(CONTENT, support.read_file(path))
      assert.are.same({ "file" }, names(dir))
    end
  end)

  it("is complete when all of it is there already", function()
    local peer <close>, dir, path = broken { tag = '"one"' }
    local _ <close> = dir
    support.write_file(path .. ".part", CONTENT)
    assert.are.equal(416, http.download(peer.url, path, { resume = true }).status)
    assert.are.equal(CONTENT, support.read_file(path))
  end)

  it("begins anew when there is more than there can be", function()
    local peer <close>, dir, path = broken { tag = '"one"' }
    local _ <close> = dir
    support.write_file(path .. ".part", CONTENT .. "more")
    http.download(peer.url, path, { resume = true })
    assert.are.equal(CONTENT, support.read_file(path))
  end)

  it("begins anew for another URL", function()
    local peer <close>, dir, path = broken { tag = '"one"' }
    local _ <close> = dir
    http.download(peer.url .. "/other", path, { resume = true })
    assert.is_nil(peer.asked[2].range)
    assert.are.equal(CONTENT, support.read_file(path))
  end)

  it("works with nginx", function()
    if not support.has "nginx" then return pending("needs nginx") end
    local nginx <close> = support.nginx { files = { file = CONTENT } }
    local dir <close> = support.temp_dir()
    local path = dir.path .. "/file"
    local mine = {}
    local ok, e = pcall(http.download, nginx.url .. "/file", path, { resume = true, progress = function(done)
      if done > 0 then error(mine, 0) end
    end })
    assert.is_false(ok)
    assert.are.equal(mine, e)
    assert.is_true(#support.read_file(path .. ".part") < #CONTENT)
    assert.are.equal(206, http.download(nginx.url .. "/file", path, { resume = true }).status)
    assert.are.equal(CONTENT, support.read_file(path))
  end)
end)

describe("the bar of a download", function()
  it("is a line where there is no terminal", function()
    local dir <close> = support.temp_dir()
    local peer <close> = serving {}
    local code = ("require('lull.http').download(%q, %q, { progress = true })"):format(
      peer.url, dir.path .. "/a\27[31m")
    local lull_path = os.getenv "LULL" or (os.getenv "LULL_BUILD" or "build") .. "/lull"
    local result = process.run({ lull_path, "-e", code }, { check = true })
    assert.matches("^a[^\27]*: 100%% 488%.3 KiB/488%.3 KiB in %d+%.%d s\n$", result.stderr)
  end)
end)
