--- chat.lua: a chat room over WebSocket, with a page for the browser.
--
--   lull examples/chat.lua [port]      then open http://localhost:8080 in two tabs
local http = require "lull.http"
local json = require "lull.json"
local lull = require "lull"
local sync = require "lull.sync"

local HISTORY <const> = 50      -- messages that a newcomer gets to see
local MESSAGE_BYTES <const> = 4096
local NAME <const> = 20         -- characters

local PAGE <const> = [[
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>lull chat</title>
<style>
  body { font: 16px sans-serif; max-width: 40em; margin: 2em auto; padding: 0 1em }
  #messages { list-style: none; padding: 0; min-height: 10em }
  #messages b { margin-right: .5em }
  form { display: flex; gap: .5em }
  #text { flex: 1 }
</style>
<h1>lull chat</h1>
<ul id="messages"></ul>
<form id="form">
  <input id="name" size="10" maxlength="20" placeholder="your name" required>
  <input id="text" maxlength="1000" placeholder="what you say" autocomplete="off" required>
  <button>send</button>
</form>
<p id="state">connecting...</p>
<script>
  const $ = id => document.getElementById(id);
  const socket = new WebSocket(location.href.replace(/^http/, "ws") + "socket");
  socket.onopen = () => $("state").textContent = "connected";
  socket.onclose = () => $("state").textContent = "the server has gone; reload to come back";
  socket.onmessage = event => {
    const message = JSON.parse(event.data);
    const item = document.createElement("li");
    const name = document.createElement("b");
    name.textContent = message.name;
    item.append(name, message.text);
    $("messages").append(item);
  };
  $("form").onsubmit = event => {
    event.preventDefault();
    socket.send(JSON.stringify({ name: $("name").value, text: $("text").value }));
    $("text").value = "";
  };
</script>
</html>
]]

local members <const> = {} -- sockets, as keys
local history <const> = {}

--- The first characters of a text.
local function cut(text, length)
  return text:sub(1, (utf8.offset(text, length + 1) or #text + 1) - 1)
end

--- What somebody has sent, or nil when it is no message.
local function message_of(text)
  local ok <const>, value <const> = pcall(json.decode, text)
  if not ok or type(value) ~= "table" then return nil end
  if type(value.name) ~= "string" or type(value.text) ~= "string" then return nil end
  return json.encode { name = cut(value.name, NAME), text = value.text }
end

--- Everybody gets it; who has gone or does not read is not waited for.
local function tell_all(message)
  history[#history + 1] = message
  if #history > HISTORY then table.remove(history, 1) end
  for member in pairs(members) do member.outbox:try_put(message) end
end

local app <const> = http.router()

app:get("/", function()
  return { headers = { ["content-type"] = "text/html; charset=utf-8" }, body = PAGE }
end)

app:get("/socket", function(req)
  local socket <close> = req:websocket { max_message = MESSAGE_BYTES }
  local member <const> = { outbox = sync.queue(1000) }
  for _, message in ipairs(history) do member.outbox:try_put(message) end
  members[member] = true
  local _ <close> = lull.finally(function() members[member] = nil end)
  lull.group(function(group)
    group:spawn(function()
      for message in member.outbox:items() do socket:send(message) end
    end)
    for text in socket:messages() do
      local message <const> = message_of(text)
      if message then tell_all(message) end
    end
    group:cancel "the browser has gone"
  end)
end)

local server <const> = http.serve({ port = tonumber((...)) or 8080 }, app)
print(("open http://localhost:%d in two tabs"):format(server.port))
io.stdout:flush()
server:wait()
