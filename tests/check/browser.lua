--- Drives examples/chat.lua in two tabs of a real browser: what one types, the other shows.
--
--   lull tests/check/browser.lua PORT     of a chat server on 127.0.0.1
--
-- Speaks WebDriver (https://www.w3.org/TR/webdriver2/) with Debian's chromium-driver.
local http = require "lull.http"
local json = require "lull.json"
local lull = require "lull"
local net = require "lull.net"

local PATIENCE <const> = 60 -- seconds until something that must happen has happened

--- Start chromedriver; its address.  It ends with this program.
local function start_driver()
  local free <const> = net.listen { port = 0 }
  local port <const> = free.port
  free:close()
  local pipe <const> = assert(io.popen(("exec timeout %d chromedriver --port=%d >/dev/null 2>&1 & echo $!")
    :format(2 * PATIENCE, port)))
  local pid <const> = pipe:read "n"
  local stop <const> = lull.finally(function() os.execute("kill " .. pid) end)
  return "http://127.0.0.1:" .. port, stop, pipe
end

--- Call until it does not raise, and returns something.
local function eventually(what, fn, ...)
  local last
  local ok <const>, result <const> = lull.move_on_after(PATIENCE, function(...)
    while true do
      local good <const>, value <const> = pcall(fn, ...)
      if good and value then return value end
      last = value
      lull.sleep(0.05)
    end
  end, ...)
  if not ok then error(("%s did not happen: %s"):format(what, last), 0) end
  return result
end

--- One command; its value.
local function command(base, method, path, body)
  local response <const> = http.request {
    method = method, url = base .. path, timeout = PATIENCE, body = body and json.encode(body),
    headers = { ["content-type"] = "application/json" },
  }
  local value <const> = response:json().value
  if response.status ~= 200 then error(("%s: %s"):format(path, json.encode(value)), 0) end
  return value
end

local port <const> = assert(tonumber((...)), "usage: browser.lua PORT")
local driver <const>, stop_driver <close> = start_driver()
local _ <const> = stop_driver
eventually("the driver's start", function() return command(driver, "GET", "/status").ready end)

local session <const> = command(driver, "POST", "/session", {
  capabilities = { alwaysMatch = {
    browserName = "chrome",
    ["goog:chromeOptions"] = {
      args = { "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage" },
    },
  } },
})
local base <const> = driver .. "/session/" .. session.sessionId
local _ <close> = lull.finally(function() pcall(command, base, "DELETE", "") end)

local function script(code, ...)
  return command(base, "POST", "/execute/sync", { script = code, args = json.array { ... } })
end

--- An element of the page, by its id.
local function element(id)
  local found <const> = command(base, "POST", "/element", { using = "css selector", value = "#" .. id })
  return "/element/" .. select(2, next(found))
end

local function open_tab(tab)
  command(base, "POST", "/window", { handle = tab })
end

local function type_into(id, text)
  command(base, "POST", element(id) .. "/value", { text = text })
end

local function shown()
  return script "return [...document.querySelectorAll('#messages li')].map(item => item.innerText).join('|')"
end

local tabs <const> = {
  command(base, "GET", "/window"),
  command(base, "POST", "/window/new", { type = "tab" }).handle,
}
for i, tab in ipairs(tabs) do
  open_tab(tab)
  command(base, "POST", "/url", { url = ("http://127.0.0.1:%d/"):format(port) })
  eventually("the connection of tab " .. i, function()
    return script "return document.getElementById('state').textContent" == "connected"
  end)
end

--- Say something in one tab; all show it.
local function say(tab, name, text, expected)
  open_tab(tabs[tab])
  script("document.getElementById('name').value = arguments[0]", name)
  type_into("text", text .. "\u{E007}") -- the Enter key
  for _, each in ipairs(tabs) do
    open_tab(each)
    eventually(("%q in the other tab"):format(text), function() return shown() == expected end)
  end
end

say(1, "ann", "hello <b>there</b>", "annhello <b>there</b>")
say(2, "bob", "gr\u{FC}\u{DF} dich", "annhello <b>there</b>|bobgr\u{FC}\u{DF} dich")
say(1, "ann", "bye", "annhello <b>there</b>|bobgr\u{FC}\u{DF} dich|annbye")
print "both tabs show what either said"
