--- download.lua: reads many pages at once; a line per page, in the order in which they arrive.
--
--   lull examples/download.lua            15 pages of a server that it starts itself
--   lull examples/download.lua URL ...    these
--
-- A page that fails says why and holds up nobody; the exit code is 1 then.
local http = require "lull.http"
local lull = require "lull"

--- Read one page.
local function download(url)
  local response <const> = http.get(url, { timeout = 30 })
  response:raise_for_status()
  print(("Read %d from %s"):format(#response.body, url))
end

--- Read all of them; returns whether none failed.
local function download_all(urls)
  local started <const> = lull.now()
  local outcomes <const> = lull.map(urls, download, { settle = true, limit = 100 })
  local failed = 0
  for i, outcome in ipairs(outcomes) do
    if not outcome.ok then
      failed = failed + 1
      io.stderr:write(("Failed: %s: %s\n"):format(urls[i], outcome.error))
    end
  end
  print(("%d pages in %.2f seconds"):format(#urls - failed, lull.now() - started))
  return failed == 0
end

--- Page n takes its time and has n KiB.
local function page(req)
  local n <const> = tonumber(req.params.n) or 0
  lull.sleep(0.05 + n * 7 % 15 / 50)
  return ("page %2d "):format(n):rep(128 * n)
end

local urls <const> = { ... }
if urls[1] then
  if not download_all(urls) then os.exit(1) end
else
  local app <const> = http.router()
  app:get("/page/:n", page)
  local server <close> = http.serve({ port = 0 }, app)
  for n = 1, 15 do urls[n] = ("http://127.0.0.1:%d/page/%d"):format(server.port, n) end
  download_all(urls)
end
