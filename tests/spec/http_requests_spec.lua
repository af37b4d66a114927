--- The corpus of hostile requests, against a real server on loopback.  What is refused closes the
--- connection: a second request behind it is never answered.  What is accepted leaves the connection
--- where the next request begins.

local http = require "lull.http"
local lull = require "lull"
local net = require "lull.net"

local corpus <const> = dofile "tests/corpus/http_requests.lua"

--- What the handler sees, as a body.
local function echo(req)
  local body <const> = req:body() or ""
  return { headers = { ["x-seen"] = req.method }, body = req.path .. "\n" .. body }
end

--- Everything that a server sends back for these bytes, until it closes.
local function exchange(port, bytes)
  local stream <close> = net.connect("127.0.0.1", port)
  stream:set_timeout(50)
  lull.group(function(group)
    --- The server may close before it has read everything.
    group:spawn(function() pcall(stream.write, stream, bytes) end)
  end)
  local ok <const>, answer <const> = pcall(stream.read, stream, "a")
  if ok then return answer end
  assert(lull.is_error(answer, "io"), tostring(answer)) -- reset: with the answer lost
  return ""
end

--- Cut the answer into {status=, method=, body=}.
local function responses(answer)
  local list <const> = {}
  local at = 1
  while at <= #answer do
    local from <const>, to <const> = answer:find("\r\n\r\n", at, true)
    assert(from, "a response without the end of its head: " .. answer:sub(at, at + 200))
    local head <const> = answer:sub(at, from + 1)
    local length <const> = tonumber(head:match "[Cc]ontent%-[Ll]ength: (%d+)\r\n") or 0
    list[#list + 1] = {
      status = tonumber(head:match "^HTTP/1%.1 (%d%d%d) "),
      method = head:match "[Xx]%-[Ss]een: (%S+)\r\n",
      body = answer:sub(to + 1, to + length),
    }
    at = to + length + 1
  end
  return list
end

local function is_expected(expected, first)
  if type(expected) == "number" then return first.status == expected end
  if not expected.method then
    for _, one in ipairs(expected) do
      if is_expected(one, first) then return true end
    end
    return false
  end
  return first.status == 200 and first.method == expected.method
    and first.body == expected.path .. "\n" .. expected.body
end

describe("a request", function()
  for _, entry in ipairs(corpus) do
    local name <const>, bytes <const>, expected <const> = table.unpack(entry)

    it("is answered rightly: " .. name, function()
      lull.run(function()
        local server <close> = http.serve({ port = 0 }, echo)
        local second <const> = "GET /second HTTP/1.1\r\nHost: b\r\nConnection: close\r\n\r\n"
        local list <const> = responses(exchange(server.port, bytes .. second))
        local first <const> = list[1]
        assert(first, "no answer")
        local got <const> = ("%s %s %q"):format(first.status, first.method, first.body:sub(1, 80))
        assert(is_expected(expected, first), "answered with " .. got)
        if first.status ~= 200 then
          assert.equal(1, #list, "another request was answered on a connection of no use")
        elseif bytes:find("HTTP/1.1", 1, true) then
          assert.equal(2, #list, "the next request was not answered")
          assert.equal("/second\n", list[2].body)
        end
      end)
    end)
  end
end)
