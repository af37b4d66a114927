--- pages.lua: fetches many pages at once, over plain HTTP/1.0.
--
--   lull examples/pages.lua                                from a server that it starts itself
--   lull examples/pages.lua [-t seconds] host:port/path ...  these (port 80 and / may be left out)
--
-- A line per page as it arrives; at the end, the time it took.  A page that fails says why
-- and holds up nobody; the exit code is 1 then.
local lull = require "lull"
local net = require "lull.net"

local AT_ONCE <const> = 100           -- connections at a time
local SECONDS <const> = 10            -- for one page
local PAGE_BYTES <const> = 10 << 20
local LINE_BYTES <const> = 8192       -- of the head of an answer or request
local HEAD_LINES <const> = 100

--- Raise an error about a page; its text is for people, so it carries no line number.
local function refuse(message, ...)
  error(message:format(...), 0)
end

--- What a stranger sent, fit for a terminal.
local function quoted(text)
  return ("%q"):format(text:sub(1, 40))
end

-- Both sides ------------------------------------------------------------------------------

--- Read a line without its end, be that CR LF or LF.
local function read_line(stream)
  local line <const> = stream:read "l" or refuse "the connection ended too early"
  return (line:gsub("\r$", ""))
end

--- Read header lines up to the empty one; names in lower case.
local function read_headers(stream)
  local headers <const> = {}
  for _ = 1, HEAD_LINES do
    local line <const> = read_line(stream)
    if line == "" then return headers end
    local name <const>, value <const> = line:match "^([^%s:]+):%s*(.-)%s*$"
    if not name then refuse("not a header: %s", quoted(line)) end
    headers[name:lower()] = value
  end
  refuse("more than %d header lines", HEAD_LINES)
end

-- The client ------------------------------------------------------------------------------

--- "host:port/path" -> its parts
local function parse(target)
  local rest <const> = target:gsub("^http://", "")
  local place <const>, path <const> = rest:match "^([^/]+)(.*)$"
  if not place or rest:find "://" or path:find "[%s%c]" then refuse "not host:port/path" end
  local host, port = place:match "^%[(.+)%]:?(%d*)$" -- [::1]:80
  if not host then host, port = place:match "^([^:]+):?(%d*)$" end
  if not host then refuse "not host:port/path" end
  port = port == "" and 80 or tonumber(port)
  if port < 1 or port > 65535 then refuse("no such port: %.0f", port) end
  return host, port, path == "" and "/" or path, place
end

--- The body, as long as the head says, or else up to the end of the connection.
local function read_body(stream, headers)
  if headers["transfer-encoding"] then refuse "the answer is not HTTP/1.0" end
  local length <const> = headers["content-length"]
  if not length then return stream:read "a" end
  if not length:find "^%d+$" then refuse("not a length: %s", quoted(length)) end
  local bytes <const> = tonumber(length)
  if bytes > PAGE_BYTES then refuse("%.0f bytes are more than %d", bytes, PAGE_BYTES) end
  return stream:read_exact(bytes) or refuse "the connection ended too early"
end

--- Fetch one page; returns its text.
local function fetch(target)
  local host <const>, port <const>, path <const>, place <const> = parse(target)
  local stream <close> = net.connect(host, port, { max_line = LINE_BYTES, max_all = PAGE_BYTES })
  stream:write("GET ", path, " HTTP/1.0\r\nHost: ", place, "\r\n\r\n")

  local first <const> = read_line(stream)
  local status <const>, reason <const> = first:match "^HTTP/1%.%d (%d%d%d) ?(.*)$"
  if not status then refuse("not an HTTP answer: %s", quoted(first)) end
  local headers <const> = read_headers(stream)
  if status:sub(1, 1) ~= "2" then refuse("the server says %s %s", status, quoted(reason)) end
  return read_body(stream, headers)
end

--- Fetch one page, print a line about it; returns the bytes, nil if it failed, and the time.
local function report(target, seconds)
  local started <const> = lull.now()
  local ok <const>, page <const> = pcall(lull.timeout, seconds, fetch, target)
  local took <const> = lull.now() - started
  local result <const> = ok and ("%d bytes"):format(#page) or "failed: " .. tostring(page)
  print(("%6.2f s  %-32s %s"):format(took, target, result))
  return { bytes = ok and #page or nil, took = took }
end

--- Fetch all; returns whether none failed.
local function fetch_all(targets, seconds)
  local started <const> = lull.now()
  local pages <const> = lull.map(targets, function(target)
    return report(target, seconds)
  end, { limit = AT_ONCE })

  local bytes, failed, one_by_one = 0, 0, 0
  for _, page in ipairs(pages) do
    bytes = bytes + (page.bytes or 0)
    failed = failed + (page.bytes and 0 or 1)
    one_by_one = one_by_one + page.took
  end
  print(("%d pages, %d bytes in %.2f s; one after the other: %.2f s%s"):format(
    #pages - failed, bytes, lull.now() - started, one_by_one,
    failed > 0 and ("; %d failed"):format(failed) or ""))
  return failed == 0
end

-- The server ------------------------------------------------------------------------------

--- Answer one request: page n takes its time and has n KiB.
local function answer(stream)
  stream:set_options { timeout = SECONDS, max_line = LINE_BYTES }
  local n <const> = read_line(stream):match "^GET /page/(%d%d?) HTTP/1%.%d$"
  read_headers(stream)
  if not n then
    stream:write "HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n"
    return
  end
  lull.sleep(0.1 + n * 7 % 15 / 50)
  local page <const> = ("page %2d "):format(n):rep(128 * n)
  stream:write("HTTP/1.0 200 OK\r\nContent-Length: ", #page, "\r\n\r\n", page)
end

--- Fetch 15 pages from a server of our own.
local function demonstrate(seconds)
  local server <close> = net.serve({ host = "127.0.0.1" }, answer)
  local targets <const> = {}
  for n = 1, 15 do targets[n] = ("127.0.0.1:%d/page/%d"):format(server.port, n) end
  return fetch_all(targets, seconds)
end

local function main(...)
  local targets <const> = { ... }
  local seconds = SECONDS
  if targets[1] == "-t" then
    seconds = tonumber(targets[2])
    if not seconds then
      io.stderr:write "pages.lua: -t needs a number of seconds\n"
      os.exit(1)
    end
    table.move(targets, 3, #targets + 2, 1)
  end
  if #targets == 0 then return demonstrate(seconds) end
  return fetch_all(targets, seconds)
end

if not lull.run(main, ...) then os.exit(1) end
