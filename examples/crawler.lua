--- crawler.lua: visits every page of a site that links lead to, many at once.
--
--   lull examples/crawler.lua                      a site that it serves itself
--   lull examples/crawler.lua URL [pages] [limit]  at most so many pages (100), so many at once (8)
--
-- Only pages of the same host are visited, each once.  While it runs, a line on a terminal says how
-- far it is; at the end come the pages that failed, and the sums.
local http = require "lull.http"
local lull = require "lull"
local sync = require "lull.sync"

local PAGE_BYTES <const> = 1 << 20

--- "http://host:port/dir/page?query" -> "http://host:port", "/dir/page"
local function split(url)
  local origin <const>, rest <const> = url:match "^(https?://[^/?#]+)([^#]*)"
  if not origin then return nil end
  local path <const> = rest:match "^[^?]*"
  return origin:lower(), path == "" and "/" or path, rest:match "%?.*" or ""
end

--- Where a link of a page leads, as a whole URL without a fragment; nil when it is no page.
local function resolve(base, link)
  local origin <const>, path <const> = split(base)
  link = link:gsub("#.*", ""):gsub("&amp;", "&")
  if link == "" or link:find "^%a[%w+.-]*:" and not link:find "^https?://" then return nil end
  if link:find "^https?://" then
    local other <const>, other_path <const>, query <const> = split(link)
    return other and other .. other_path .. query
  end
  if link:find "^//" then return resolve(base, origin:match "^%a+:" .. link) end
  local target, query = link:match "^([^?]*)(.*)$"
  if not target:find "^/" then target = path:gsub("[^/]*$", "") .. target end
  local parts <const> = {}
  for part in target:gmatch "[^/]+" do
    if part == ".." then parts[#parts] = nil elseif part ~= "." then parts[#parts + 1] = part end
  end
  local slash <const> = target:find "/%.?%.?$" and #parts > 0 and "/" or ""
  return origin .. "/" .. table.concat(parts, "/") .. slash .. query
end

--- The links in a page.
local function links(html)
  return html:gmatch "<[aA]%s[^>]-[hH][rR][eE][fF]%s*=%s*[\"']([^\"'>]+)[\"']"
end

--- Visit the site that `start` is on.
local function crawl(start, max_pages, limit)
  local site <const> = split(start) or error("not a URL: " .. start, 0)
  local client <const> = http.client {
    max_per_host = limit, timeout = 30, max_body = PAGE_BYTES, max_redirects = 5,
  }
  local todo <const> = sync.queue()
  local known <const> = {}
  local found, visited, bytes = 0, 0, 0
  local failures <const> = {}
  local on_terminal <const> = require("lull.term").is_terminal "stderr"

  local function show(line)
    if on_terminal then io.stderr:write("\r\27[K", line) end
  end

  local function add(url)
    if known[url] or found >= max_pages or split(url) ~= site then return end
    known[url] = true
    found = found + 1
    todo:put(url)
  end

  local function visit(url)
    local response <const> = client:get(url)
    response:raise_for_status()
    visited = visited + 1
    bytes = bytes + #response.body
    if (response.headers["content-type"] or ""):find "^text/html" then
      for link in links(response.body) do
        local target <const> = resolve(response.url, link)
        if target then add(target) end
      end
    end
  end

  local function work()
    for url in todo:items() do
      local ok <const>, err <const> = pcall(visit, url)
      if not ok then failures[#failures + 1] = { url = url, error = err } end
      todo:task_done()
      show(("%d of %d pages, %d KiB"):format(visited, found, bytes // 1024))
    end
  end

  add(resolve(start, start))
  lull.group(function(group)
    for _ = 1, limit do group:spawn(work) end
    todo:join()
    todo:close()
  end)
  show ""
  table.sort(failures, function(a, b) return a.url < b.url end)
  for _, failure in ipairs(failures) do print(("failed: %s: %s"):format(failure.url, failure.error)) end
  print(("%d pages, %d failed, %d KiB"):format(visited, #failures, bytes // 1024))
end

--- A site of a tree of pages: each links to its children, its parent, and one that is missing.
local function serve_site()
  local app <const> = http.router()
  local function page(req)
    local n <const> = math.tointeger(tonumber(req.params.n or "1"))
    if not n or n < 1 or n > 60 then return { status = 404, body = "no such page" } end
    lull.sleep(0.01)
    local html <const> = { "<!doctype html><title>page ", n, "</title><a href='/'>home</a> " }
    for _, child in ipairs { 2 * n, 2 * n + 1, n == 7 and 404 or 1 } do
      local link <const> = '<a href="../page/%d#top">page %d</a> '
      if child <= 60 or child == 404 then html[#html + 1] = link:format(child, child) end
    end
    return { headers = { ["content-type"] = "text/html" }, body = table.concat(html) }
  end
  app:get("/", page)
  app:get("/page/:n", page)
  return http.serve({ port = 0 }, app)
end

local url, max_pages, limit = ...
if url then
  crawl(url, tonumber(max_pages) or 100, tonumber(limit) or 8)
else
  local server <close> = serve_site()
  crawl(("http://127.0.0.1:%d/"):format(server.port), 100, 8)
end
