--- lull.http.sse: server-sent events (HTML, 9.2), as a response.
local check = require "lull.check"
local lull = require "lull"
local sync = require "lull.sync"

local HEARTBEAT <const> = 15 -- seconds without an event until a comment is sent
local WAITING <const> = 16   -- events that may wait for the client

---@class lull.http.Event
---@field data? string    the text; its lines stay lines
---@field event? string   the name; "message" for who listens
---@field id? string      what a client sends as Last-Event-ID when it comes again
---@field retry? integer  milliseconds until it comes again

local EVENT <const> = { data = "string", event = "string", id = "string", retry = "number" }

--- What the function of a response sends events with.
---@class lull.http.Events
---@field private channel any
local Events <const> = {}
Events.__index = Events
Events.__name = "lull.http.Events"

--- Every line of a text behind a name: a client ends lines at CR, LF and CR LF.
local function lines_of(name, text, out)
  local normal <const> = text:gsub("\r\n?", "\n")
  for line in (normal .. "\n"):gmatch("([^\n]*)\n") do out[#out + 1] = name .. line .. "\n" end
end

local function check_line(text, field)
  if text and text:find("[\r\n%z]") then
    check.fail(1, "send", field .. " must be one line")
  end
end

--- Send an event: its text, or a table.  Waits while the client is slow.
---@async
---@param event string|lull.http.Event
---@return lull.http.Events self   raises `closed` when the response is over
function Events:send(event)
  check.self(self, Events, "send")
  if type(event) == "string" then event = { data = event } end
  if type(event) ~= "table" then check.fail(1, "send", "a string or a table expected") end
  check.options(event, 1, "send", EVENT)
  check_line(event.event, "event")
  check_line(event.id, "id")
  local out <const> = {}
  if event.event then out[1] = "event: " .. event.event .. "\n" end
  if event.id then out[#out + 1] = "id: " .. event.id .. "\n" end
  if event.retry then out[#out + 1] = ("retry: %d\n"):format(event.retry // 1 | 0) end
  if event.data then lines_of("data: ", event.data, out) end
  if #out == 0 then check.fail(1, "send", "an event has data, a name, an id or retry") end
  out[#out + 1] = "\n"
  self.channel:send(table.concat(out))
  return self
end

--- Send a comment, which no one sees.
---@async
---@param text? string
---@return lull.http.Events self
function Events:comment(text)
  check.self(self, Events, "comment")
  check.type(text, 1, "comment", "string", true)
  local out <const> = {}
  lines_of(": ", text or "", out)
  self.channel:send(table.concat(out) .. "\n")
  return self
end

--- The body: called for the next bytes.  The function runs as a task, from the first call to its
--- end or until the body is closed, which cancels it.
---@class lull.http.EventsBody
---@field private fn async fun(events: lull.http.Events)
---@field private events lull.http.Events
---@field private heartbeat number
---@field private task? lull.Task
local Body <const> = {}
Body.__index = Body
Body.__name = "lull.http.EventsBody"

---@async
local function run(self)
  local _ <close> = setmetatable({}, { __close = function() self.events.channel:close() end })
  self.fn(self.events)
end

--- What is there without waiting; nil also when nothing more will come.
local function try(channel)
  local ok <const>, piece <const> = pcall(channel.try_recv, channel)
  return ok and piece or nil
end

--- All that waits, in one piece; nil at the end.
---@async
local function take(self)
  local pieces <const> = { (self.next()) }
  if not pieces[1] then return nil end
  for piece in try, self.events.channel do pieces[#pieces + 1] = piece end
  return table.concat(pieces)
end

---@async
---@return string?
function Body:__call()
  if not self.task then
    self.task = lull.async(run)(self)
    self.task.name = "server-sent events"
    return ":\n\n" -- the client learns at once that it is connected
  end
  local in_time <const>, bytes <const> = lull.move_on_after(self.heartbeat, take, self)
  if not in_time then return ":\n\n" end
  if not bytes then self.task:await() end -- raises what the function has raised
  return bytes
end

--- Cancel the function, wait for it to end.
---@async
function Body:close()
  local task <const> = self.task
  self.events.channel:close()
  if not task then return end
  task:cancel("the client is gone")
  lull.shield(task.join, task)
end

local sse = {}

--- A response that sends events for as long as a function runs: `return http.sse(function(events)
--- events:send "hello" end)`.  A comment is sent when nothing else was for some time, so that
--- a client that is gone is noticed; then the function is cancelled.  Where a client left off is in
--- the request: `req.headers["last-event-id"]`.
---@param fn async fun(events: lull.http.Events)
---@param opts? { heartbeat?: number }  seconds; 15
---@return table response
function sse.new(fn, opts)
  check.callable(fn, 1, "sse")
  check.options(opts, 2, "sse", { heartbeat = "seconds" })
  local channel <const> = sync.channel(WAITING)
  return {
    status = 200,
    headers = {
      ["content-type"] = "text/event-stream",
      ["cache-control"] = "no-cache",
      ["x-accel-buffering"] = "no", -- for proxies that would wait for more
    },
    body = setmetatable({
      fn = fn,
      events = setmetatable({ channel = channel }, Events),
      heartbeat = opts and opts.heartbeat or HEARTBEAT,
      next = channel:items(),
    }, Body),
  }
end

return sse
